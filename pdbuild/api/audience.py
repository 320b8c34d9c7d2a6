"""Who hears of a job while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    from pdbuild.api.events import Event
    from pdbuild.baking import Show

T_co = TypeVar("T_co", covariant=True)


def _nobody(event: Event) -> None:
    """For who only waits for the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """`tell` gets the events, in their order.

    `show` makes the view of a bake's steps, None the one that the job's options ask for. `stream`
    is where transfers are drawn, if it is a terminal.
    """

    tell: Callable[[Event], None] = _nobody
    show: Show | None = None
    stream: TextIO | None = None

    def say(self, line: str) -> None:
        """Tell a line that people should read."""
        from pdbuild.api.events import Notice  # imported for one, as `run` must be quick

        self.tell(Notice(text=line))


class Work(Protocol[T_co]):
    """A job: what is to be done, as a value."""

    def perform(self, audience: Audience) -> T_co:
        """Do it in this process. Raises PdbuildError."""
