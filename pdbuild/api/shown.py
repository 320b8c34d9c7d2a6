"""A bake's view for programs: each change is an event."""

import io
from collections.abc import Callable, Collection, Sequence

from pdbuild.api.events import Event, Line, Step
from pdbuild.progress import Solve, View, steps
from pdbuild.progress.solve import Change


class EventView(View):
    """Shows nothing, and tells of steps and of what they write."""

    def __init__(self, targets: Sequence[str], tell: Callable[[Event], None]) -> None:
        super().__init__(io.StringIO(), Solve(targets))
        self._tell = tell

    def feed(self, line: bytes) -> None:
        """Take in one line of buildx's stderr, and tell what it changed."""
        for change in self._take(line):
            self._tell(self._line(change) if change.what == "log" else self._step(change))

    def _line(self, change: Change) -> Line:
        step = change.step
        return Line(
            targets=step.targets,
            stage=step.name.stage,
            number=self.solve.number(step),
            text=change.text,
        )

    def _step(self, change: Change) -> Step:
        assert change.what != "log"
        step = change.step
        known = [one for one in self.solve.steps if one.name.position]
        begun = self.solve.begun()
        return Step(
            targets=step.targets,
            stage=step.name.stage,
            number=self.solve.number(step),
            instruction=step.name.text,
            platform=step.name.platform,
            state=change.what,
            seconds=self.solve.elapsed(step),
            log=step.log,
            done=sum(_is_done(one, begun) for one in known),
            total=len(known),
        )


def _is_done(step: steps.Step, begun: Collection[steps.Step]) -> bool:
    """Whether it is; BuildKit does not tell of what is below something that its cache has."""
    return step.state in ("done", "cached") or (step.state == "waiting" and step in begun)
