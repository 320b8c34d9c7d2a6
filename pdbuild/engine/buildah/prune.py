"""Forgets results that nobody has asked for in a while, and their images."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_DAYS = 30
_KEPT = 12  # results of one stage of one project: going back to the last few costs nothing


@dataclass(frozen=True, slots=True)
class Record:
    """A file that says which image a key yielded, and when it was last of use (Unix seconds)."""

    path: Path
    image: str
    owner: tuple[str, str]  # the project's folder, and the node in it
    used: float


def records(folder: Path) -> tuple[Record, ...]:
    """All records in the folder; what cannot be read is left out."""
    found = []
    for path in folder.iterdir():
        try:
            said = json.loads(path.read_bytes())
            owner = (str(said.get("root", "")), str(said["node"]))
            found.append(Record(path, str(said["image"]), owner, path.stat().st_mtime))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
    return tuple(found)


def stale(known: tuple[Record, ...], now: float | None = None) -> tuple[Record, ...]:
    """The records to forget: unused for a month, or overtaken by several of the same node."""
    oldest = (time.time() if now is None else now) - _DAYS * 86400
    by_owner: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in known:
        by_owner[record.owner].append(record)
    kept: set[Record] = set()
    for group in by_owner.values():
        newest = sorted(group, key=lambda record: record.used, reverse=True)[:_KEPT]
        kept.update(record for record in newest if record.used >= oldest)
    return tuple(record for record in known if record not in kept)


def images(known: tuple[Record, ...], forgotten: tuple[Record, ...]) -> tuple[str, ...]:
    """The images that only forgotten records name."""
    gone = set(forgotten)
    needed = {record.image for record in known if record not in gone}
    return tuple(sorted({record.image for record in forgotten} - needed))
