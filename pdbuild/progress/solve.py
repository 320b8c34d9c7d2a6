"""What a running bake has said so far: steps, counts, bytes, warnings and failures."""

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Literal, NamedTuple

from pdbuild.progress.events import BuildWarning, Log, Status, Vertex, parse
from pdbuild.progress.failure import Failure, exit_code
from pdbuild.progress.names import StepName, prefixed_target, split_name
from pdbuild.progress.steps import FINAL, Step, outcome

What = Literal["running", "cached", "done", "failed", "cancelled", "log"]

_NETWORK = "type=secret,id=network"  # how a step that downloads is told the way
# What a bake does first, and no other bake does for it.
_OWN = re.compile(r"\[(?:\S+ )?internal\] load (?:\S+ )*definitions?\b")
# How a hook begins what is to be said again at the end.
_SAID_AGAIN = ("note: the recipe ", "note: the compile cache ")
_TAKING = "importing cache manifest from "
_TEXT_LINES = 200
_STDERR = 2
_LONGEST_LINE = 64 * 1024
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|[\x00-\x08\x0a-\x1f\x7f]"
)


class Change(NamedTuple):
    """Something to tell: a step came into a new state, or wrote a line (`what` "log")."""

    step: Step
    what: What
    text: str = ""


class Tally(NamedTuple):
    """A target's instructions; `done` counts the cached ones too."""

    total: int = 0
    done: int = 0
    cached: int = 0
    running: int = 0
    failed: int = 0


class Solve:
    """Everything a bake has said. `feed` it buildx's stderr line by line.

    `targets` are the names given to bake. Bake adds linked targets, which become known as
    they speak up. `clock` times what runs, by the moment its event arrived: a remote
    builder's clock may differ from ours.
    """

    def __init__(
        self, targets: Iterable[str] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.steps: list[Step] = []
        self._clock = clock
        self._given = tuple(dict.fromkeys(targets))
        self._prefixed = len(self._given) > 1
        self._only = self._given[0] if self._given else "default"
        self._seen: dict[str, None] = {}
        self._by_digest: dict[str, Step] = {}
        self._by_name: dict[StepName, Step] = {}
        self._highest: dict[tuple[str, str, str], int] = {}
        self._spans: dict[str, tuple[float, float]] = {}
        self._began = 0.0  # when this bake's own work began, by the builder's clock
        self._bytes: dict[tuple[str, str], Status] = {}
        self._pending: dict[tuple[str, int], bytes] = {}
        self._warnings: dict[BuildWarning, None] = {}
        self._notes: dict[str, None] = {}
        self._text: deque[str] = deque(maxlen=_TEXT_LINES)

    def feed(self, line: bytes) -> tuple[Change, ...]:
        """Take in one line and say what it changed."""
        event = parse(line)
        if isinstance(event, str):
            self._text.append(event)
            return ()
        changes: list[Change] = []
        for vertex in event.vertexes:
            changes += self._vertex(vertex)
        for status in event.statuses:
            self._bytes[status.vertex, status.id] = status
        for log in event.logs:
            changes += self._log(log)
        self._warnings.update(dict.fromkeys(event.warnings))
        return tuple(changes)

    def succeed(self, targets: Collection[str]) -> None:
        """These targets are baked: a step of theirs whose end nobody told of had nothing to do.

        buildx stops listening when its last output is written; of a step that several targets
        share, the last event may be lost then.
        """
        for step in self.steps:
            if step.state in ("waiting", "cancelled") and not step.names.keys().isdisjoint(targets):
                step.state = "cached"

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets at work: those given, then those that bake added.

        Before any has spoken up, the names given; a group's name is replaced by its members.
        """
        known = [target for target in self._given if target in self._seen]
        return tuple(dict.fromkeys([*known, *self._seen])) or self._given

    @property
    def message(self) -> str:
        """buildx's own text, which ends its output when it fails; may be empty."""
        return "\n".join(self._text).strip("\n")

    @property
    def reason(self) -> str:
        """The last `ERROR:` line of the message, without that word."""
        errors = [line for line in self._text if line.startswith("ERROR: ")]
        return errors[-1].removeprefix("ERROR: ") if errors else ""

    @property
    def warnings(self) -> tuple[BuildWarning, ...]:
        """What BuildKit warned of, each once."""
        return tuple(self._warnings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What steps have noted of the recipe, each once."""
        return tuple(self._notes)

    @property
    def transferred(self) -> int:
        """Bytes read from contexts and pulled from layouts and registries."""
        return self._sum(("transferring ", "sha256:"))

    @property
    def exported(self) -> int:
        """Bytes written by the exporters that count them."""
        return self._sum(("sending ", "copying ", "pushing "))

    def tally(self, target: str) -> Tally:
        """How far a target is, in instructions; loads and exports are not counted."""
        states = [step.state for step in self._instructions(target)]
        cached = states.count("cached")
        return Tally(
            total=len(states),
            done=states.count("done") + cached,
            cached=cached,
            running=states.count("running"),
            failed=states.count("failed"),
        )

    def running(self) -> tuple[Step, ...]:
        """The steps at work, the longest running first."""
        return tuple(sorted((s for s in self.steps if s.state == "running"), key=lambda s: s.since))

    def finished(self, target: str) -> bool:
        """Whether every instruction of the target is done and nothing works for it."""
        tally = self.tally(target)
        busy = any(s.state == "running" and target in s.names for s in self.steps)
        return bool(tally.total) and tally.done == tally.total and not busy

    def nearly(self, target: str) -> bool:
        """Whether the last programs that the target needs have been started, if not ended."""
        steps, begun = self._instructions(target), self.begun()
        return bool(steps) and all(s in begun for s in steps if s.name.text.startswith("RUN "))

    def begun(self) -> set[Step]:
        """The steps that have been started or found, and what they build on: that is done.

        BuildKit does not tell of what is in its cache when something above it is, too.
        """
        found: set[Step] = set()
        waiting = [s for s in self.steps if s.since or s.state in ("cached", "done")]
        while waiting:
            step = waiting.pop()
            if step not in found:
                found.add(step)
                waiting += self.inputs(step)
        return found

    def all_cached(self, target: str) -> bool:
        """Whether the build found everything of this target in its cache."""
        steps = [s for s in self._instructions(target) if not s.name.text.startswith("FROM ")]
        return bool(steps) and all(step.state == "cached" for step in steps)

    def seconds(self, target: str) -> float:
        """From the first start to the last end in this target, by the builder's clock."""
        start, end = self._spans.get(target, (0.0, 0.0))
        return end - start

    def elapsed(self, step: Step) -> float:
        """Seconds that the step has taken so far."""
        return step.elapsed(self._clock())

    def number(self, step: Step) -> tuple[int, int] | None:
        """Step i of n, None when it is no instruction.

        BuildKit counts a `FROM` of a named context but gives it no step: `[dev 2/3]` is then
        the last one. So n is the highest number that the stage really has.
        """
        name = step.name
        total = self._highest.get((name.target, name.platform, name.stage), name.total)
        return (name.position, total) if name.position else None

    def inputs(self, step: Step) -> tuple[Step, ...]:
        """The steps that this one builds on."""
        found = (self._by_digest.get(digest) for digest in sorted(step.inputs))
        return tuple(dict.fromkeys(other for other in found if other and other is not step))

    def moved(self, step: Step) -> tuple[int, int]:
        """Bytes of the step's unfinished counters: so far, and in all (0 when unknown)."""
        open_ = [s for s in self._bytes.values() if s.vertex in step.digests and not s.done]
        totals = [s.total for s in open_]
        return sum(s.current for s in open_), sum(totals) if all(totals) else 0

    def failures(self) -> tuple[Failure, ...]:
        """The steps that failed by themselves; those cancelled because of them are not."""
        # Without the layers that somebody else has, they are built.
        failed = (step for step in self.steps if step.state == "failed")
        return tuple(self._failure(s) for s in failed if not s.name.text.startswith(_TAKING))

    def _failure(self, step: Step) -> Failure:
        self._flush(step)
        why = outcome(step.error)
        excerpt = step.excerpt()
        return Failure(
            targets=tuple(target for target in self.targets if target in step.names),
            stage=step.name.stage,
            number=self.number(step),
            instruction=step.name.text,
            exit_code=exit_code(why),
            error=why,
            lines=excerpt.lines,
            more=excerpt.more,
            log=step.log,
            # What other steps could not reach may be what a test of theirs is about.
            host=excerpt.host if _NETWORK in step.name.text else "",
            platform=step.name.platform,
        )

    def _vertex(self, vertex: Vertex) -> list[Change]:
        name = self._name(vertex.name)
        step = self._step(vertex.digest, name)
        before = step.state
        step.learn(vertex, name.target, self._clock())
        self._note_times(vertex, name.target)
        changes = self._flush(step) if step.state in FINAL else []
        if step.state == before or step.state == "waiting":
            return changes
        if before == "cached" and step.state == "done":
            return changes  # a second target ran what the first one found: told already
        return [*changes, Change(step, step.state)]

    def _name(self, text: str) -> StepName:
        if text.startswith("[internal] load build definition"):
            self._prefixed = False
        elif prefixed_target(text):
            self._prefixed = True
        # buildx reads its bake file for all targets, before it names any.
        only = "" if text.endswith(" bake definitions") else self._only
        name = split_name(text, prefixed=self._prefixed, only=only)
        if name.target:
            self._seen.setdefault(name.target)
        if name.position:
            key = (name.target, name.platform, name.stage)
            self._highest[key] = max(self._highest.get(key, 0), name.position)
        return name

    def _step(self, digest: str, name: StepName) -> Step:
        """The step of this vertex: that of its digest and that of its name are one.

        Targets that read different parts of one context have vertices of their own for the
        same instruction. BuildKit runs one of them and tells the others about that one,
        under their name, so digest and name together say what is the same work.
        """
        same, named = self._by_digest.get(digest), self._by_name.get(name)
        step = same or named
        if step is None:
            step = Step()
            self.steps.append(step)
        elif same and named and same is not named:
            step, other = (named, same) if same.state == "waiting" else (same, named)
            step.absorb(other, self._clock())
            self.steps.remove(other)
            self._by_digest.update(dict.fromkeys(other.digests, step))
            self._by_name.update({n: step for n, s in self._by_name.items() if s is other})
        step.digests.add(digest)
        step.names.setdefault(name.target, name)
        self._by_digest[digest] = self._by_name[name] = step
        return step

    def _note_times(self, vertex: Vertex, target: str) -> None:
        if vertex.started is None:
            return
        if _OWN.match(vertex.name) and not self._began:
            self._began = vertex.started
        # A step that another bake on the same builder has begun is told with the time of that.
        started = max(vertex.started, self._began)
        start, end = self._spans.get(target, (started, started))
        self._spans[target] = (min(start, started), max(end, vertex.completed or end))

    def _log(self, log: Log) -> list[Change]:
        step = self._by_digest.get(log.vertex)
        if step is None:
            return []
        key = (log.vertex, log.stream)
        *lines, rest = (self._pending.pop(key, b"") + log.data).split(b"\n")
        # A progress bar redraws its line for minutes without ending it.
        rest = rest[max(rest.rfind(b"\r", 0, -1), 0) :]
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        if rest:
            self._pending[key] = rest
        return [self._line(step, line, log.stream) for line in lines]

    def _flush(self, step: Step) -> list[Change]:
        open_ = [key for key in self._pending if key[0] in step.digests]
        return [self._line(step, self._pending.pop(key), key[1]) for key in open_]

    def _line(self, step: Step, data: bytes, stream: int) -> Change:
        shown = data.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        text = _ESCAPE.sub("", shown).rstrip()
        step.say(text, error=stream == _STDERR)
        if text.startswith(_SAID_AGAIN):
            self._notes[text.removeprefix("note: ")] = None
        return Change(step, "log", text)

    def _instructions(self, target: str) -> list[Step]:
        return [s for s in self.steps if target in s.names and s.names[target].position]

    def _sum(self, kinds: tuple[str, ...]) -> int:
        return sum(s.current for s in self._bytes.values() if s.id.startswith(kinds))
