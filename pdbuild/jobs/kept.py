"""Remembers the jobs that were sent, so that `jobs`, `logs` and `cancel` find them by a name."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pdbuild import dirs, whole
from pdbuild.errors import UsageError

# Kept for this many; the clusters' own accounting has the others.
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A job that was sent. `number` is the cluster's name for it, and `folder` has its output.

    `kind` is what the place is; `submitted` is a time as text, with its zone. `context` and
    `namespace` say where on Kubernetes it is; "" is what kubectl takes by itself.
    """

    to: str
    kind: str
    number: str
    folder: str
    program: str
    nodes: int
    submitted: str
    context: str = ""
    namespace: str = ""

    @property
    def id(self) -> str:
        """What people call it: `slurm-12`."""
        return f"{self.to}-{self.number}"


def keep(sent: Sent) -> None:
    """Remember a job; the oldest beyond the hundred that are kept are forgotten."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    whole.write(folder / f"{sent.id}.json", json.dumps(asdict(sent)))
    for old in sorted(folder.glob("*.json"), key=_time)[:-_MOST]:
        old.unlink(missing_ok=True)


def every() -> tuple[Sent, ...]:
    """All that are remembered, the newest first."""
    return tuple(sorted(_read(), key=lambda sent: sent.submitted, reverse=True))


def is_name(word: str) -> bool:
    """Whether a word looks like a job's name, and not like a container's id."""
    place, hyphen, number = word.rpartition("-")
    return bool(hyphen and place and number)


def find(name: str) -> Sent:
    """The job called `name`; its number alone will do where that means one.

    Raises UsageError when there is none, or several.
    """
    found = [sent for sent in every() if name in (sent.id, sent.number)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sent.id for sent in found)
        raise UsageError(f"{name} may be one of several jobs: {names}")
    raise UsageError(f"no job {name} was sent from here", hint="pdbuild jobs lists those that were")


def _folder() -> Path:
    return dirs.data_path() / "jobs"


def _read() -> Iterator[Sent]:
    for path in _folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield Sent(**json.loads(path.read_bytes()))


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
