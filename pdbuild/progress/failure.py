"""What failed in a build, and its text for people."""

import re
from dataclasses import dataclass

from pdbuild.lacks import said_of
from pdbuild.progress.names import brief

_EXIT_CODE = re.compile(r"exit code: (\d+)")
_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One step that failed by itself (not because another one did)."""

    targets: tuple[str, ...]
    stage: str
    number: tuple[int, int] | None  # step i of n; None for an export or a load
    instruction: str  # as the Containerfile has it
    exit_code: int | None
    error: str  # BuildKit's words, without the command
    lines: tuple[str, ...]  # the first errors of the step's output, or its end
    platform: str = ""
    more: int = 0  # errors that `lines` leaves out
    log: str = ""  # the file with all of the output
    host: str = ""  # that the step could not reach


def exit_code(outcome: str) -> int | None:
    """The exit code that a vertex's outcome names."""
    match = _EXIT_CODE.search(outcome)
    return int(match[1]) if match else None


def report(failure: Failure, *, command: str) -> str:
    """The failure for people: where, why, the step's first errors, how to see it again.

    `command` is what reproduces it, e.g. `pdbuild bake cpu --progress=plain`.
    """
    who = f"{_who(failure.targets)}: " if failure.targets else ""
    what = brief(failure.instruction)
    if len(what) > _WIDTH:
        what = what[: _WIDTH - 1].rstrip() + "…"
    code = "" if failure.exit_code is None else f" (exit code {failure.exit_code})"
    if failure.number is None:
        head = f"error: {who}{what} failed{code}"
    else:
        index, total = failure.number
        where = _where(failure)
        head = f"error: {who}step {index}/{total}{where} failed{code}: {what}"
    if failure.host:
        head = f"error: {said_of(failure.host)}\n{head.removeprefix('error: ')}"
    shown = list(failure.lines)
    if failure.exit_code is None and failure.error:
        shown.append(failure.error)
    body = [f"  | {line}".rstrip() for line in shown]
    return "\n".join([head, *body, *_rest(failure), f"hint: {command}"])


def _rest(failure: Failure) -> list[str]:
    """What the excerpt leaves out, and where all of it is."""
    said = []
    if failure.more:
        said.append(f"{failure.more} more error{'s' if failure.more > 1 else ''}")
    if failure.log:
        said.append(f"all of its output: {failure.log}")
    return [f"  {'; '.join(said)}"] if said else []


def _who(targets: tuple[str, ...]) -> str:
    """Few targets by name; of many the first, which is the one to look at."""
    return ", ".join(targets) if len(targets) < 4 else f"{targets[0]} and {len(targets) - 1} more"


def _where(failure: Failure) -> str:
    words = []
    if failure.stage and failure.stage not in failure.targets:
        words.append(f" of stage {failure.stage}")
    if failure.platform:
        words.append(f" for {failure.platform}")
    return "".join(words)
