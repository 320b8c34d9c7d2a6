"""Watches a job until it has ended: its output as it comes, and its exit code as our own."""

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from pdbuild.errors import Interrupted, PdbuildError
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.state import State

_LOOK = 0.2
# A controller serves a whole cluster: it is asked more and more seldom.
_ASK_FIRST, _ASK_MOST = 0.5, 5.0
# A network file system shows what another machine wrote after a while.
_LATE = 1.0

_QUESTION = "{id} goes on. [c]ancel it, [l]eave it alone, or Enter to go on watching: "


class Tail:
    """What is new in a file, again and again."""

    def __init__(self, path: Path, out: TextIO) -> None:
        self._path, self._out, self._read = path, out, 0

    def more(self) -> bool:
        """Write what has come; whether something has."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
            self._read += len(data)
            if data:
                self._out.buffer.write(data)
                self._out.flush()
            return bool(data)
        return False


def watch(sent: Sent, ask: Callable[[], State], cancel: Callable[[], None]) -> int:
    """Show a job's output until it has ended; its exit code.

    On Ctrl-C it asks what is to happen to the job; without a terminal the job goes on, which is
    said. Raises PdbuildError when the job ended otherwise than by its program.
    """
    tails = _tails(sent)
    while True:
        try:
            return _to_the_end(sent, tails, ask)
        except KeyboardInterrupt:
            _interrupted(sent, cancel)


def follow(sent: Sent, ask: Callable[[], State]) -> None:
    """Show a job's output until it has ended; Ctrl-C ends the showing alone."""
    tails = _tails(sent)
    while not ask().ended:
        _shown(tails, time.monotonic() + _ASK_FIRST)
    _rest(tails)


def show(sent: Sent) -> None:
    """Write what a job has said so far."""
    for tail in _tails(sent):
        tail.more()


def _tails(sent: Sent) -> tuple[Tail, ...]:
    folder = Path(sent.folder)
    return (Tail(folder / "out", sys.stdout), Tail(folder / "err", sys.stderr))


def _to_the_end(sent: Sent, tails: tuple[Tail, ...], ask: Callable[[], State]) -> int:
    pause, said = _ASK_FIRST, ""
    while True:
        state = ask()
        if str(state) != said and not state.ended:
            said = str(state)
            print(f"{sent.id}: {said}", file=sys.stderr)
            pause = _ASK_FIRST
        if state.ended:
            _rest(tails)
            return _outcome(sent, state)
        _shown(tails, time.monotonic() + pause)
        pause = min(pause * 1.5, _ASK_MOST if state.word != "running" else 1.0)


def _shown(tails: tuple[Tail, ...], until: float) -> None:
    while time.monotonic() < until:
        for tail in tails:
            tail.more()
        time.sleep(_LOOK)


def _rest(tails: tuple[Tail, ...]) -> None:
    until = time.monotonic() + _LATE
    while time.monotonic() < until:
        if any([tail.more() for tail in tails]):
            until = time.monotonic() + _LATE
        time.sleep(_LOOK / 4)


def _outcome(sent: Sent, state: State) -> int:
    if state.code is None:
        raise PdbuildError(
            f"{sent.id} was {state.word}"
            if state.word == "cancelled"
            else f"{sent.id}: {state.word}",
            hint=f"pdbuild logs {sent.id}",
        )
    return state.code


def _interrupted(sent: Sent, cancel: Callable[[], None]) -> None:
    """Ask, and do it. Returns when the watching goes on; raises Interrupted when it does not."""
    later = f"pdbuild logs --follow {sent.id}, pdbuild cancel {sent.id}"
    answer = "l"
    if sys.stdin and sys.stdin.isatty() and sys.stderr.isatty():
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
