"""The programs that a walk has at work: started, listened to, and ended with all they started."""

import os
import selectors
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pdbuild.engine import process
from pdbuild.engine.buildah import output
from pdbuild.engine.buildah.inputs import Result
from pdbuild.programs import PIPE, STDOUT, Child, start

_LAST_SECONDS = 10.0  # from the end of a program's output to its own

_KILL: process.Ladder = ((signal.SIGKILL, 10.0),)


@dataclass(frozen=True, slots=True)
class Task:
    """A node to build, or (`target`) the export of a target whose node is built."""

    node: str
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a program is there for, and what its end yields.

    A node's build writes its image's id to `image` and is understood by `said`. `result` is set
    when the node is built, and what others read of it is being looked at.
    """

    task: Task
    key: str = ""
    said: output.Output | None = None
    image: Path | None = None
    result: Result | None = None


@dataclass(slots=True, eq=False)
class Running:
    """A program at its work; `words` are what it said where no `said` takes its lines."""

    work: Work
    process: Child
    words: list[str] = field(default_factory=list)
    _rest: bytes = b""

    @property
    def pipe(self) -> IO[bytes]:
        """Where its lines come from."""
        assert self.process.stdout
        return self.process.stdout

    def read(self) -> tuple[list[bytes], bool]:
        """The lines that it has said by now, and whether these were its last."""
        data = os.read(self.pipe.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [*lines, self._rest], b""
        return lines, not data


class Programs:
    """All that are at work. They run in `folder`, with `environment`."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._running: list[Running] = []
        self._events = selectors.DefaultSelector()

    def __enter__(self) -> "Programs":
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, words: Sequence[str], work: Work) -> None:
        """Start a program for some work."""
        child = start(
            *words, env=self._environment, cwd=self._folder, stdout=PIPE, stderr=STDOUT,
            in_child=process.dies_with(os.getpid(), signal.SIGKILL), own_session=True,
        )  # fmt: skip
        running = Running(work, child)
        self._running.append(running)
        self._events.register(running.pipe, selectors.EVENT_READ, running)

    def heard(self, patience: float | None) -> Iterator[Running]:
        """Those that have something to say, or have ended, within `patience` seconds."""
        for ready, _ in self._events.select(patience):
            running: Running = ready.data
            if running in self._running:  # and was not killed because of what another said
                yield running

    def end(self, running: Running) -> int:
        """Let one that has said its last word go; its exit code."""
        self._forget(running)
        process.wait(running.process, _LAST_SECONDS)
        return process.stop(running.process, _KILL)

    def __iter__(self) -> Iterator[Running]:
        return iter(tuple(self._running))

    def kill(self, some: Iterable[Running]) -> tuple[Running, ...]:
        """End some of them, whatever they do; those that were at work."""
        killed = tuple(some)
        for running in killed:
            self._forget(running)
            process.stop(running.process, _KILL)
        return killed

    def _forget(self, running: Running) -> None:
        self._events.unregister(running.pipe)
        self._running.remove(running)
