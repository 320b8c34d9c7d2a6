"""A job that runs in a process of its own, and its handle here.

So it is safe in threads, in notebooks and beside whatever else the caller's process does: a job has
its own working directory, environment, signals and standard streams, two of them share no more than
two pdbuilds do, and one is ended as Ctrl-C ends pdbuild.
"""

from __future__ import annotations

import contextlib
import copy
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from pdbuild.api.audience import Work
from pdbuild.api.events import Event
from pdbuild.api.process import Finish, Process

T = TypeVar("T")


class Job(Generic[T]):
    """A job at work. It begins when this is made, and goes on for as long as this is kept.

    Iterating gives its events from the first one on, as they come, and in the end raises the
    job's error, if it fails. Each loop, in any thread, gets all of them.

    `with` cancels the job at the end of the block, unless it has ended by then; so do the loss of
    the last reference to it, Ctrl-C while one waits for it, and the end of the program.
    """

    def __init__(self, work: Work[object], folder: Path, finish: Finish | None = None) -> None:
        """Start a process for `work` in the folder; `finish` as `Process` has it."""
        self._name = type(work).__name__.lower()
        self._process = Process(work, folder, finish)
        weakref.finalize(self, self._process.cancel)

    def __iter__(self) -> Iterator[Event]:
        """Its events, from the first one on."""
        count, ended = 0, False
        while not ended:
            with self._interruptible():
                events, ended = self._process.hearing.after(count)
            count += len(events)
            yield from events
        self.result()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the end, at most `timeout` seconds; what the job yields.

        Raises its error: BuildError when steps failed, Interrupted when it was cancelled.
        TimeoutError when it has not ended, which it goes on to do.
        """
        with self._interruptible():
            outcome = self._process.hearing.outcome(timeout)
        if outcome.error:
            raise copy.copy(outcome.error)  # several threads may have it
        return cast(T, outcome.value)

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._process.hearing.ended

    def cancel(self) -> None:
        """End it, and wait until nothing of it runs any more. What was built stays in the cache."""
        self._process.cancel()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            self.cancel()
            raise

    def __enter__(self) -> Self:
        """The job itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel it, unless it has ended."""
        self.cancel()

    def __repr__(self) -> str:
        return f"<pdbuild job: {self._name}, {'ended' if self.done else 'at work'}>"
