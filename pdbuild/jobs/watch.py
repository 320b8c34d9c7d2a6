"""Watches a job until it has ended: its output as it comes, and its exit code as our own."""

import math
import sys
import time
from collections.abc import Callable
from contextlib import closing

from pdbuild.errors import EngineError, Interrupted, PdbuildError
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.outputs import Seen
from pdbuild.jobs.state import State

_LOOK = 0.2
# A controller serves a whole cluster: it is asked more and more seldom.
_ASK_FIRST, _ASK_MOST = 0.5, 5.0
# What keeps a job from beginning may pass, such as a registry that does not answer.
_STUCK = 20.0
# A controller that is started again, say.
_SILENT = 60.0

_QUESTION = "{id} goes on. [c]ancel it, [l]eave it alone, or Enter to go on watching: "


def watch(sent: Sent, seen: Seen, cancel: Callable[[], None], *, ask: bool = True) -> int:
    """Show a job's output until it has ended; its exit code.

    On Ctrl-C it asks what is to happen to the job; without a terminal the job goes on, which is
    said. Unless it may `ask`: then the job is cancelled. Raises PdbuildError when the job ended
    otherwise than by its program, or cannot begin; such a one is cancelled.
    """
    with closing(seen):
        while True:
            try:
                return _to_the_end(sent, seen, cancel)
            except KeyboardInterrupt:
                _interrupted(sent, cancel, ask=ask)


def follow(seen: Seen) -> None:
    """Show a job's output until it has ended; Ctrl-C ends the showing alone."""
    with closing(seen):
        while not seen.ask().ended:
            _shown(seen, time.monotonic() + _ASK_FIRST)
        seen.rest()


def show(seen: Seen) -> None:
    """Write what a job has said so far."""
    with closing(seen):
        seen.so_far()


def _to_the_end(sent: Sent, seen: Seen, cancel: Callable[[], None]) -> int:
    pause, said, stuck = _ASK_FIRST, "", 0.0
    hear = _patient(seen)
    while True:
        state = hear()
        if str(state) != said and not state.ended:
            said = str(state)
            print(f"{sent.id}: {said}", file=sys.stderr)
            pause = _ASK_FIRST
        if state.ended:
            seen.rest()
            return _outcome(sent, state)
        stuck = (stuck or time.monotonic()) if state.stuck else 0.0
        if stuck and time.monotonic() - stuck > _STUCK:
            cancel()
            raise PdbuildError(f"{sent.id} cannot begin, and is cancelled: {state.why}")
        _shown(seen, time.monotonic() + pause)
        pause = min(pause * 1.5, _ASK_MOST if state.word != "running" else 1.0)


def _patient(seen: Seen) -> Callable[[], State]:
    """Asks how a job is doing. A place that has answered once may be silent for a while."""
    answered = -math.inf

    def hear() -> State:
        nonlocal answered
        try:
            state = seen.ask()
        except EngineError as error:
            if time.monotonic() - answered > _SILENT:
                raise
            return State(word="not heard of", why=error.message)
        answered = time.monotonic()
        return state

    return hear


def _shown(seen: Seen, until: float) -> None:
    while time.monotonic() < until:
        seen.more()
        time.sleep(_LOOK)


def _outcome(sent: Sent, state: State) -> int:
    if state.code is None:
        gone = state.word in ("cancelled", "deleted")
        raise PdbuildError(
            f"{sent.id} was {state.word}" if gone else f"{sent.id}: {state.word}",
            hint=f"pdbuild logs {sent.id}" if state.word != "deleted" else "",
        )
    if state.why:
        print(f"pdbuild: {state.why}: {sent.program}", file=sys.stderr)
    return state.code


def _interrupted(sent: Sent, cancel: Callable[[], None], *, ask: bool) -> None:
    """Ask, and do it. Returns when the watching goes on; raises Interrupted when it does not."""
    later = f"pdbuild logs --follow {sent.id}, pdbuild cancel {sent.id}"
    answer = "l" if ask else "c"
    if ask and sys.stdin and sys.stdin.isatty() and sys.stderr.isatty():
        try:
            print(file=sys.stderr)
            print(_QUESTION.format(id=sent.id), end="", file=sys.stderr, flush=True)
            answer = sys.stdin.readline().strip().lower()[:1] or "w"
        except KeyboardInterrupt:
            print(file=sys.stderr)
    if answer == "c":
        cancel()
        raise Interrupted(f"interrupted; {sent.id} is cancelled")
    if answer == "l":
        raise Interrupted(f"interrupted; {sent.id} goes on ({later})")
