"""The record of a bake: its targets and steps, how long each took, and why it ran at all."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pdbuild import dirs
from pdbuild.project import key

Outcome = Literal["running", "done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step. `why` it was not taken from the cache, `log` the file with its output, or ""."""

    stage: str
    number: str
    instruction: str
    targets: tuple[str, ...]
    state: str
    seconds: float
    why: str = ""
    log: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """One target: `state` is cached, done, failed or stopped, `size` that of what it made."""

    target: str
    state: str
    seconds: float
    where: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One bake. `started` is a time with its zone; `running` is also what a killed one leaves."""

    id: str
    project: str
    version: str
    root: str
    recipe: str
    engine: str
    pdbuild: str
    started: str
    seconds: float = 0.0
    outcome: Outcome = "running"
    targets: tuple[TargetRecord, ...] = ()
    steps: tuple[StepRecord, ...] = ()

    @property
    def path(self) -> Path:
        """Its file."""
        return records_of(self.root) / f"{self.id}.json"

    @property
    def logs(self) -> Path:
        """The folder of its steps' output."""
        return logs_of(self.root) / self.id

    def write(self) -> None:
        """Write its file, whole at any moment. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(as_json(self) + "\n")
        new.replace(self.path)


def as_json(record: Record) -> str:
    """The record for programs."""
    return json.dumps(asdict(record), indent=1)


def records_of(root: str) -> Path:
    """The folder of the records of a project."""
    return dirs.data_path() / "records" / key(root)


def logs_of(root: str) -> Path:
    """The folder of its logs."""
    return dirs.data_path() / "logs" / key(root)


def find(root: str) -> tuple[Record, ...]:
    """All records of a project, the newest first; what cannot be read is left out."""
    return tuple(_found(root))


def newest(root: str) -> str:
    """The file of a project's newest record, or ""."""
    return str(max(records_of(root).glob("*.json"), default=""))


def latest(root: str) -> Record | None:
    """The newest record of a project."""
    return next(_found(root), None)


def _found(root: str) -> Iterator[Record]:
    paths = sorted(records_of(root).glob("*.json"), reverse=True)
    return (record for path in paths if (record := _read(path)))


def _read(path: Path) -> Record | None:
    try:
        data = json.loads(path.read_bytes())
        steps = [{**step, "targets": tuple(step["targets"])} for step in data.pop("steps")]
        targets = [TargetRecord(**target) for target in data.pop("targets")]
        made = tuple(StepRecord(**step) for step in steps)
        return Record(**data, targets=tuple(targets), steps=made)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None
