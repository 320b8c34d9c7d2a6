"""What a job says, from where its place keeps that: files on Slurm, the pods on Kubernetes."""

import contextlib
import os
import time
from pathlib import Path
from typing import Protocol

from pdbuild.jobs import kubernetes, slurm
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.podlogs import Logs
from pdbuild.jobs.state import State

_STDOUT, _STDERR = 1, 2
# A network file system shows what another machine wrote after a while.
_LATE = 1.0
_LOOK = 0.05
# A connection to a pod that nobody closes.
_LONGEST = 60.0


class Seen(Protocol):
    """A job that is watched: what it writes goes to our stdout and stderr."""

    def ask(self) -> State:
        """How it is doing. Raises EngineError when its place does not say."""

    def more(self) -> None:
        """Write what has come."""

    def rest(self) -> None:
        """Write all that is there and may still come of a job that has ended."""

    def so_far(self) -> None:
        """Write what is there now."""

    def close(self) -> None:
        """Look no more."""


def of(sent: Sent, *, follow: bool = True) -> Seen:
    """What a job says from its beginning: to its end, or up to now."""
    return _Pods(sent, follow=follow) if sent.kind == "kubernetes" else _Files(sent)


class Tail:
    """What is new in a file, again and again."""

    def __init__(self, path: Path, out: int) -> None:
        self._path, self._out, self._read = path, out, 0

    def more(self) -> bool:
        """Write what has come; whether something has."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
            self._read += len(data)
            _write(self._out, data)
            return bool(data)
        return False


class _Files:
    """Those that Slurm writes in the job's folder."""

    def __init__(self, sent: Sent) -> None:
        folder = Path(sent.folder)
        self._number = sent.number
        self._tails = (Tail(folder / "out", _STDOUT), Tail(folder / "err", _STDERR))

    def ask(self) -> State:
        return slurm.state(self._number)

    def more(self) -> None:
        for tail in self._tails:
            tail.more()

    def rest(self) -> None:
        until = time.monotonic() + _LATE
        while time.monotonic() < until:
            if any([tail.more() for tail in self._tails]):
                until = time.monotonic() + _LATE
            time.sleep(_LOOK)

    def so_far(self) -> None:
        self.more()

    def close(self) -> None:
        pass


class _Pods:
    """The pods' logs; those are read that had begun when it was asked last."""

    def __init__(self, sent: Sent, *, follow: bool) -> None:
        self._sent = sent
        self._logs = Logs(sent, follow=follow)

    def ask(self) -> State:
        found = kubernetes.look(self._sent)
        self._logs.begin(found.pods)
        return kubernetes.judged(self._sent, found)

    def more(self) -> None:
        _write(_STDOUT, self._logs.more())

    def rest(self) -> None:
        until = time.monotonic() + _LONGEST
        while self._logs.reading and time.monotonic() < until:
            self.more()
            time.sleep(_LOOK)
        self.more()

    def so_far(self) -> None:
        self.ask()
        self.rest()

    def close(self) -> None:
        self._logs.close()


def _write(out: int, data: bytes) -> None:
    while data:
        data = data[os.write(out, data) :]
