"""How instructions and stages stand in a Containerfile.

The dialect is what BuildKit and every Buildah since 1.28 read alike: exec-form RUN, no
heredoc, no SHELL, no `# syntax=`, no writable bind. Quoting is done here and nowhere else.
"""

import json
import textwrap
from typing import assert_never

from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Cache,
    Cmd,
    Comment,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Mount,
    Run,
    Secret,
    Stage,
    Tmpfs,
    User,
    Workdir,
)

WIDTH = 96
_JSON = json.JSONEncoder(ensure_ascii=False).encode


def render_instruction(instruction: Instruction) -> str:
    """One instruction as it stands in a Containerfile; may span several lines."""
    match instruction:
        case Arg(name=name, default=default):
            return f"ARG {name}" if default is None else f"ARG {name}={_value(default)}"
        case Env(name=name, value=value):
            return f"ENV {name}={_value(value)}"
        case Run(argv=argv, mounts=mounts):
            lines = [f"--mount={_mount(mount)}" for mount in mounts]
            return "RUN " + " \\\n    ".join([*lines, *_argv_lines(argv)])
        case Copy(source=source, target=target, stage=stage, owner=owner):
            flags = [f"--from={stage}"] if stage else []
            flags += [f"--chown={owner}"] if owner else []
            return " ".join(["COPY", *flags, source, target])
        case Workdir(path=path):
            return f"WORKDIR {path}"
        case Expose(ports=ports):
            return "EXPOSE " + " ".join(map(str, ports))
        case Entrypoint(argv=argv):
            return f"ENTRYPOINT {_json(argv)}"
        case Cmd(argv=argv):
            return f"CMD {_json(argv)}"
        case User(name=name):
            return f"USER {name}"
        case Healthcheck(argv=argv):
            return f"HEALTHCHECK CMD {_json(argv)}"
        case Comment(text=text):
            return "\n" + comment(text)
        case _:
            assert_never(instruction)


def render_stage(stage: Stage) -> str:
    """One stage as it stands in a Containerfile."""
    flag = f"--platform={stage.platform} " if stage.platform else ""
    lines = [comment(stage.comment), f"FROM {flag}{stage.base} AS {stage.name}"]
    lines.extend(map(render_instruction, stage.instructions))
    return "\n".join(lines)


def comment(text: str) -> str:
    """Comment lines, folded."""
    lines = [part for line in text.splitlines() for part in _folded(line)]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _folded(line: str) -> list[str]:
    # Most are short; folding those all the same takes a tenth of all rendering.
    return [line] if len(line) <= WIDTH - 2 else textwrap.wrap(line, WIDTH - 2)


def _mount(mount: Mount) -> str:
    match mount:
        case Bind(source=source, target=target, stage=stage):
            origin = [f"from={stage}"] if stage else []
            inside = [f"source={source}"] if source else []
            return ",".join(["type=bind", *origin, *inside, f"target={target}"])
        case Cache(id=identity, target=target):
            return f"type=cache,id={identity},target={target}"
        case Tmpfs(target=target):
            return f"type=tmpfs,target={target}"
        case Secret(id=identity):
            return f"type=secret,id={identity}"
        case _:
            assert_never(mount)


def _argv_lines(argv: tuple[str, ...]) -> list[str]:
    """The JSON array, wrapped between its elements when it is too long for a line."""
    words = [*map(_JSON, argv)]
    words = [word + "," for word in words[:-1]] + words[-1:]
    words[0] = "[" + words[0]
    words[-1] += "]"
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= WIDTH - 6:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return [lines[0], *(" " + line for line in lines[1:])]


def _json(argv: tuple[str, ...]) -> str:
    return _JSON(argv)


def _value(value: str) -> str:
    """An ARG or ENV value; `$NAME` stays a reference, anything odd is quoted."""
    if value and not set(value) & set(" \t\n\"'\\#"):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
