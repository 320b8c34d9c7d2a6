"""What a job tells while it runs, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pdbuild.report import Report

State = Literal["running", "cached", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A line that people should read, such as `bootstrapping Debian trixie`."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a bake has come into a state: running, cached, done, failed or cancelled.

    `targets` are those that need it; `number` is (i, n) of its stage, None for what is no
    instruction, such as an export. `seconds` is how long it has run, `log` the file with all that
    it wrote, or "". Of all instructions that are known by now, `done` of `total` are done.
    """

    targets: tuple[str, ...]
    stage: str
    number: tuple[int, int] | None
    instruction: str
    platform: str
    state: State
    seconds: float
    log: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that a step of a bake wrote."""

    targets: tuple[str, ...]
    stage: str
    number: tuple[int, int] | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a program that runs in an image wrote: a piece of text, cut anywhere."""

    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How far sending to a registry, or taking from one, is: `moved` bytes.

    `most` is how many it can be, 0 when that is not known: what is there already is not sent.
    """

    what: str
    moved: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bake has made all that was asked for; claims are not judged yet, and nothing is pushed."""

    report: Report


Event: TypeAlias = Notice | Step | Line | Output | Transfer | Made
