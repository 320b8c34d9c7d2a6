"""What a node is to Buildah: the stage's text, the command line, and the key of its result."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild.engine import flatten
from pdbuild.engine.buildah.graph import Node, binds
from pdbuild.engine.buildah.runtime import elsewhere
from pdbuild.engine.buildah.version import Dialect
from pdbuild.plan.instructions import (
    Arg,
    Comment,
    Copy,
    Instruction,
    Mount,
    Run,
    Secret,
    Stage,
    Workdir,
)
from pdbuild.plan.text import render_stage
from pdbuild.render.bakefile import variable

#: The context with empty folders that stages copy where Buildah should have made one.
FOLDERS = "pdbuild-folders"
#: The argument that carries a digest of what a step binds.
BOUND = "PDBUILD_BOUND"

_FORMAT = 2  # of keys: a change here builds everything anew


def adapted(
    stage: Stage,
    dialect: Dialect,
    bound: Callable[[Run], str],
    *,
    moved: bool = True,
    folders: Container[str] = (),
) -> Stage:
    """The stage for this Buildah; `bound` tells a digest of what a step binds.

    - An ARG before a step that binds makes it run again when the content has changed.
    - Buildah does not make the folder of a WORKDIR that no step runs in: an empty one is copied.
    - `moved` mounts are put in their places by our runtime (see `runtime`).
    - A platform in FROM, which old ones misread, is not needed: a node has its own.
    - What is copied from one of the `folders` belongs to root, as with BuildKit: Buildah keeps
      the owner, which is nobody when it has no id in the user's namespace.
    """
    out: list[Instruction] = []
    for instruction in stage.instructions:
        match instruction:
            case Comment():
                continue
            case Run(mounts=mounts) as run:
                if binds(run) and not dialect.knows_what_is_bound:
                    out.append(Arg(name=BOUND, default=bound(run)))
                if moved:
                    instruction = replace(run, mounts=tuple(map(_moved, mounts)))
            case Workdir(path=path):
                out.append(Copy(stage=FOLDERS, source="/plain/", target=f"{path}/"))
            case Copy(stage=name, owner="") as copy if name in folders:
                instruction = replace(copy, owner="0:0")
            case _:
                pass
        out.append(instruction)
    return replace(stage, instructions=tuple(out), platform="")


def _moved(mount: Mount) -> Mount:
    # A secret's place is always the same, and no image has it.
    if isinstance(mount, Secret):
        return mount
    return replace(mount, target=elsewhere(mount.target))


def key(node: Node, stage: Stage, dialect: Dialect, inputs: Mapping[str, str]) -> str:
    """Identifies what the node yields. `inputs` are digests of all that it reads."""
    parts = [
        _FORMAT,
        dialect.label,
        [stage.name, stage.base, repr(stage.instructions)],
        sorted(node.args.items()),
        sorted(node.labels.items()),
        node.timestamp,
        sorted(inputs.items()),
        *([node.platform] if node.platform else []),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How Buildah runs steps: `rootless`, `oci` or `chroot`; the first two by `runtime`."""

    kind: str = "chroot"
    runtime: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one `buildah build` is given. All paths are absolute."""

    node: Node
    isolation: Isolation
    layers: bool
    containerfile: Path
    context: Path
    ignorefile: Path
    policy: Path
    iidfile: Path
    limits: tuple[str, ...]
    contexts: Mapping[str, str]
    secrets: Mapping[str, str]
    private: Collection[str] = ()  # the ids of those in the environment
    profile: Path | None = None  # the seccomp profile of an account with one user id


def argv(call: Call) -> list[str]:
    """The words after `buildah` and its global options."""
    node = call.node
    words = [
        "build",
        f"--isolation={call.isolation.kind}",
        *([f"--runtime={call.isolation.runtime}"] if call.isolation.runtime else []),
        "--network=host",
        *call.limits,
        "--format=oci",
        "--identity-label=false",
        "--http-proxy=false",
        "--pull=never",
        "--force-rm",
        f"--layers={str(call.layers).lower()}",
        f"--file={call.containerfile}",
        f"--ignorefile={call.ignorefile}",
        f"--signature-policy={call.policy}",
        f"--iidfile={call.iidfile}",
        f"--target={node.stage.name}",
    ]  # fmt: skip
    if node.platform:
        words.append(f"--platform={node.platform}")
    for name, value in sorted(node.args.items()):
        words += ["--build-arg", f"{name}={value}"]
    if call.profile:
        words += ["--security-opt", f"seccomp={call.profile}"]
        if node.labels:  # it is an image
            words += ["--label", "=".join(flatten.LABEL)]
    if node.timestamp:
        words += ["--timestamp", node.timestamp]
    for name in node.secrets:
        if name in call.secrets:
            words += ["--secret", f"id={name},src={call.secrets[name]}"]
        if name in call.private:
            words += ["--secret", f"id={name},env={variable(name)}"]
    for name, where in sorted(call.contexts.items()):
        words += ["--build-context", f"{name}={where}"]
    return [*words, os.fspath(call.context)]


def containerfile(node: Node, stage: Stage) -> str:
    """The text that Buildah is given: one stage, and a target's labels.

    `--label` will not do: newer versions read `$` in its value as a variable's begin.
    """
    labels = [f"LABEL {_quoted(k)}={_quoted(v)}" for k, v in sorted(node.labels.items())]
    return "\n".join([render_stage(stage), *labels]) + "\n"


def _quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def has_layers(stage: Stage) -> bool:
    """Whether keeping a layer for each step is worth its time: there is more than one step."""
    return sum(isinstance(i, Run | Copy) for i in stage.instructions) > 1
