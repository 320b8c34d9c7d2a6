"""What is remembered of a target that was baked: what decided it, and what it yielded."""

import contextlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from pdbuild import whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What decides a target's output, each part as a digest.

    `copied` is the part of the source that is copied into its last layers and read nowhere else.
    """

    definition: str
    arguments: str
    source: str
    copied: str
    hooks: str
    blocks: str
    base: str
    engine: str
    pdbuild: str

    def differs(self, other: "Fingerprint") -> tuple[str, ...]:
        """The names of the parts that are not the same."""
        names = (part.name for part in fields(self))
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A target as it was baked. `since` (nanoseconds) is when the fingerprint was taken, `files`
    are what holds its output, each with its size and time.
    """

    fingerprint: Fingerprint
    since: int
    digest: str
    files: dict[str, str] = field(default_factory=dict)


def read(folder: Path, name: str) -> Record | None:
    """What is remembered of the target `name` in a checkout's folder; None when nothing is."""
    try:
        told = json.loads((folder / f"{name}.json").read_bytes())
        return Record(**(told | {"fingerprint": Fingerprint(**told["fingerprint"])}))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write(folder: Path, name: str, record: Record) -> None:
    """Remember it. A disk that takes no more costs the next bake its time, and this one nothing."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        whole.write(folder / f"{name}.json", json.dumps(asdict(record)))
