"""What was heard of a job so far; threads wait here for more."""

import threading

from pdbuild.api.events import Event
from pdbuild.api.pipe import Outcome


class Hearing:
    """The events of a job, and its outcome when it has ended."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._outcome: Outcome | None = None
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether there will be no more."""
        return self._outcome is not None

    def add(self, event: Event) -> None:
        """There is one more."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def end(self, outcome: Outcome) -> None:
        """There is no more."""
        with self._changed:
            self._outcome = outcome
            self._changed.notify_all()

    def after(self, count: int) -> tuple[list[Event], bool]:
        """Wait for events behind the first `count`; those, and whether they are the last."""
        with self._changed:
            while len(self._events) <= count and self._outcome is None:
                self._changed.wait()
            return self._events[count:], self._outcome is not None

    def outcome(self, timeout: float | None = None) -> Outcome:
        """Wait for the end. Raises TimeoutError after so many seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._outcome is not None, timeout):
                raise TimeoutError(f"the job has not ended within {timeout:g} seconds")
            assert self._outcome
            return self._outcome
