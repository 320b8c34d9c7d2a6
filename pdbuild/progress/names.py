"""The names that BuildKit and bake give to steps: `[target platform stage i/n] instruction`."""

import json
import re
from typing import NamedTuple

_INTERNAL = re.compile(r"^\[([A-Za-z0-9_-]+) internal\] ")
_BRACKET = re.compile(r"^\[([^\]]*)\] ?(.*)$", re.DOTALL)
_NUMBER = re.compile(r"^(\d+)/(\d+)$")
_PLATFORM = re.compile(r"^[a-z][a-z0-9().]*/[a-z0-9]")
_FLAG = re.compile(r"^--[a-z][a-z.-]*(?:=(?:\"[^\"]*\"|\S)*)?\s+")
# First words in a bracket that are BuildKit's or buildx's own; never a target.
_OWN_WORDS = frozenset({"internal", "context", "auth"})


class StepName(NamedTuple):
    """A vertex's name in parts; what it does not say is empty or 0."""

    target: str = ""
    platform: str = ""
    stage: str = ""
    position: int = 0
    total: int = 0
    kind: str = ""  # "internal", "context NAME", "auth": work that is not an instruction
    text: str = ""


def prefixed_target(name: str) -> str:
    """The target in `[target internal] …`, which starts every target of a bake of several.

    Bake prefixes names only when it bakes more than one target, linked ones included, and
    that cannot be told from the command line alone.
    """
    match = _INTERNAL.match(name)
    return match[1] if match else ""


def split_name(name: str, *, prefixed: bool, only: str = "") -> StepName:
    """Take a vertex's name apart. `only` is the target when names are not `prefixed`."""
    match = _BRACKET.match(name)
    words = match[1].split() if match else []
    text = match[2] if match else name
    target = only
    if prefixed:
        target = words.pop(0) if words and words[0] not in _OWN_WORDS else ""
    platform = words.pop(0) if words and _PLATFORM.match(words[0]) else ""
    number = _NUMBER.match(words[-1]) if words else None
    if number is None:
        return StepName(target=target, platform=platform, kind=" ".join(words), text=text)
    return StepName(
        target=target,
        platform=platform,
        stage=" ".join(words[:-1]),
        position=int(number[1]),
        total=int(number[2]),
        text=text,
    )


def brief(text: str) -> str:
    """An instruction as people say it: on one line, no flags, `bash -c` taken off.

    `RUN --mount=… ["bash", "-euo", "pipefail", "-c", "make"]` becomes `RUN make`.
    """
    verb, _, rest = text.strip().partition(" ")
    if verb == "RUN":
        rest = rest.lstrip()
        while match := _FLAG.match(rest):
            rest = rest[match.end() :]
        rest = _script(rest)
    return " ".join(f"{verb} {rest}".split())


def _script(command: str) -> str:
    if not command.startswith("["):
        return command
    try:
        words = json.loads(command)
        return str(words[words.index("-c") + 1]) if "-c" in words else " ".join(words)
    except (ValueError, TypeError, IndexError):
        return command
