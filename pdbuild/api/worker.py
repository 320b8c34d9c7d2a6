"""The process that does a job, see `job`: it tells of it in events, and ends with it.

Its stdin gives the job, and closes when the job is to end. That is an interrupt then, as if
somebody had pressed Ctrl-C; so it is when who started it is gone, however that came.
"""

import io
import os
import signal
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from types import FrameType

from pdbuild import VERBOSE, boundary, ground, programs
from pdbuild.api import pipe
from pdbuild.api.audience import Audience, Work
from pdbuild.api.events import Event, Notice
from pdbuild.api.pipe import Outcome
from pdbuild.api.shown import EventView
from pdbuild.errors import Interrupted, PdbuildError


def main(events: int) -> None:
    """Do the job that stdin gives, and tell of it on the descriptor `events`."""
    os.set_inheritable(events, False)
    teller = _Teller(pipe.Writer(events))
    said = _Said(teller.tell)
    # Whatever our starter has made of them.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, teller.interrupt)
    if os.environ.get(VERBOSE):
        programs.tell()
    with redirect_stdout(said), redirect_stderr(said):
        teller.end(_outcome(teller.tell))


class _Teller:
    """Tells events, each whole: an interrupt waits for the end of what is being told."""

    def __init__(self, writer: pipe.Writer) -> None:
        self._writer = writer
        self._busy = self._waiting = False

    def tell(self, event: Event) -> None:
        """Tell one, from any thread. That nobody is there any more is an interrupt of its own."""
        if threading.current_thread() is not threading.main_thread():
            self._put(event)  # only the main thread is interrupted
            return
        self._busy = True
        self._put(event)
        self._busy = False
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt

    def end(self, outcome: Outcome) -> None:
        """Tell how it ended; nothing interrupts that."""
        self._busy = True
        self._put(outcome)

    def _put(self, value: object) -> None:
        with suppress(BrokenPipeError):
            self._writer.put(value)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if not self._busy:
            raise KeyboardInterrupt
        self._waiting = True


def _outcome(tell: Callable[[Event], None]) -> Outcome:
    """Do the job; how it ended."""
    audience = Audience(tell=tell, show=partial(EventView, tell=tell))
    work: Work[object] | None = None
    try:
        work = _job()
        ground.say(ground.settle())
        return Outcome(value=work.perform(audience))
    except (KeyboardInterrupt, Interrupted) as error:
        return Outcome(error=Interrupted(str(error) or "interrupted"))
    except PdbuildError as error:
        return Outcome(error=boundary.explained(error))
    except Exception as error:
        return Outcome(error=boundary.of_machine(error) or boundary.bug(f"pdbuild.api: {work!r}"))


def _job() -> Work[object]:
    """What stdin gives; from then on its end interrupts us, and programs have an empty one."""
    control = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    work: Work[object] = pipe.read(control)
    # Signals are for the main thread, which waits for some of them by name.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    main_thread = threading.get_ident()
    threading.Thread(target=_watch, args=(control, main_thread), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return work


def _watch(control: int, main_thread: int) -> None:
    with suppress(OSError):
        while os.read(control, 1):
            pass
        signal.pthread_kill(main_thread, signal.SIGINT)


class _Said(io.TextIOBase):
    """What pdbuild would print: each line is a notice."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._rest = ""

    def write(self, text: str) -> int:
        """Take in some of it."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._tell(Notice(text=line))
        return len(text)
