"""One step of the build: every vertex that does the same work, and what became of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from pdbuild.progress.events import Vertex
from pdbuild.progress.excerpt import Errors, Excerpt
from pdbuild.progress.names import StepName

State = Literal["waiting", "running", "cached", "done", "failed", "cancelled"]

LOG_LINES = 40

# Several targets tell of the same vertex, one behind the other, and one may end with its
# target. The furthest report is the truth, and work that somebody did is not "cached".
_RANK: dict[State, int] = {
    "waiting": 0,
    "cancelled": 1,
    "running": 2,
    "cached": 3,
    "done": 4,
    "failed": 5,
}
FINAL = frozenset[State]({"cached", "done", "failed", "cancelled"})


@dataclass(slots=True)
class _Report:
    """What one target's stream last said of one vertex. In one stream the last state wins."""

    state: State = "waiting"
    runs: dict[float, float] = field(default_factory=dict)  # started: completed


@dataclass(slots=True, eq=False)
class Step:
    """A step as people see it. Read it; only `Solve` changes it, and `log` who keeps its output."""

    names: dict[str, StepName] = field(default_factory=dict)  # by target, "" for none
    digests: set[str] = field(default_factory=set)
    state: State = "waiting"
    since: float = 0.0  # the local clock when it was seen to start
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=5))  # stderr's last
    inputs: set[str] = field(default_factory=set)  # digests of what it is made of
    log: str = ""  # the file that has all of its output
    _reports: dict[tuple[str, str], _Report] = field(default_factory=dict)
    _said: Errors = field(default_factory=Errors)

    @property
    def name(self) -> StepName:
        """Its name in the target that spoke of it first."""
        return next(iter(self.names.values()))

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that need it."""
        return tuple(filter(None, self.names))

    @property
    def spent(self) -> float:
        """Seconds in completed runs; a vertex may run more than once."""
        return max((_seconds(report.runs) for report in self._reports.values()), default=0.0)

    def elapsed(self, now: float) -> float:
        """Seconds so far."""
        return self.spent + (max(0.0, now - self.since) if self.state == "running" else 0.0)

    def say(self, line: str, *, error: bool) -> None:
        """Take in a line of its output; `error`: it came on stderr."""
        self.lines.append(line)
        self._said.feed(line)
        if error:
            self.errors.append(line)

    def excerpt(self) -> Excerpt:
        """The lines that say why it failed."""
        # BuildKit reads the two streams apart: what a step says last, on stderr, may arrive
        # before a burst of its stdout, and it is what people need.
        return self._said.excerpt(tuple(self.errors))

    def learn(self, vertex: Vertex, target: str, now: float) -> None:
        """Take in what `target`'s stream says of one of the step's vertices."""
        self.inputs.update(vertex.inputs)
        report = self._reports.setdefault((vertex.digest, target), _Report())
        state = _state(vertex)
        if state != "waiting":  # a graph loaded again starts nothing over
            report.state = state
        if vertex.started is not None and vertex.completed is not None:
            report.runs[vertex.started] = vertex.completed
        if state == "failed":
            self.error = vertex.error
        self._settle(now)

    def absorb(self, other: "Step", now: float) -> None:
        """Become one with a step that turned out to be the same work."""
        for target, name in other.names.items():
            self.names.setdefault(target, name)
        self.digests |= other.digests
        self.inputs |= other.inputs
        self._reports |= other._reports
        if self.lines:
            for line in other.lines:
                self.say(line, error=False)
        else:
            self.lines, self._said = other.lines, other._said
        self.errors.extend(other.errors)
        self.error = self.error or other.error
        self.log = self.log or other.log
        self._settle(now)

    def _settle(self, now: float) -> None:
        before = self.state
        states = (report.state for report in self._reports.values())
        self.state = max(states, key=_RANK.__getitem__, default="waiting")
        if self.state == "running" and before != "running":
            self.since = now


def _state(vertex: Vertex) -> State:
    if vertex.error:
        return "cancelled" if "context canceled" in outcome(vertex.error) else "failed"
    if vertex.completed is not None:
        return "cached" if vertex.cached else "done"
    return "running" if vertex.started is not None else "waiting"


def outcome(error: str) -> str:
    """A vertex's error without the command it quotes, which may say anything."""
    return error.rpartition("did not complete successfully:")[2].strip()


def _seconds(runs: dict[float, float]) -> float:
    return sum(max(0.0, completed - started) for started, completed in runs.items())
