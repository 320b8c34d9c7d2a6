"""The process of a job as its starter has it: started, listened to, ended."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

from pdbuild import programs
from pdbuild.api import pipe
from pdbuild.api.events import Event, Notice, Output
from pdbuild.api.hearing import Hearing
from pdbuild.api.pipe import Outcome
from pdbuild.engine import process
from pdbuild.errors import EngineError, Interrupted, PdbuildError

#: Makes of what a job yields, and of what its program wrote to stdout and stderr, its result.
Finish = Callable[[object, str, str], object]

# The worker finds modules where we do.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from pdbuild.api import worker; worker.main(int(sys.argv[2]))"
)
# Signals that end it, one after the other, each with the seconds that it may take to work.
_LADDER: Sequence[tuple[signal.Signals, float]] = (
    (signal.SIGINT, 30.0),  # which end an engine and its steps first
    (signal.SIGTERM, 5.0),
    (signal.SIGKILL, 10.0),
)
# Of a program in an image, which may take no notice of the first: a shell waits for its child.
_LADDER_OF_PROGRAMS = ((signal.SIGINT, 10.0), *_LADDER[1:])

# Reads from its stdout and stderr after its end.
_REST = 100


class Process:
    """A worker that does `work` in `folder`. What is heard of it is in `hearing`.

    With `finish` its stdout and stderr are a program's, and events of their own; else what its
    programs write there are notices.
    """

    def __init__(self, work: object, folder: Path, finish: Finish | None) -> None:
        self.hearing = Hearing()
        self._finish = finish
        self._cancelled = False
        self._ending = threading.Lock()
        self._events, writer = os.pipe()
        try:
            self._child = _started(folder, writer)
        except BaseException:
            os.close(self._events)
            raise
        finally:
            os.close(writer)
        with contextlib.suppress(BrokenPipeError):  # what became of it is heard elsewhere
            _pipe(self._child.stdin).write(pipe.packed(work))
            _pipe(self._child.stdin).flush()
        self._listener = threading.Thread(target=self._listen, name="pdbuild job", daemon=True)
        self._listener.start()

    def cancel(self) -> None:
        """End it if it has not ended, and wait for that."""
        if threading.current_thread() is self._listener:  # where the last reference went
            self._cancelled = True
            self._child.send_signal(signal.SIGINT)
            return
        with self._ending:
            if not self.hearing.ended:
                self._cancelled = True
                self._end()
        self._listener.join()

    def _end(self) -> None:
        for number, seconds in _LADDER_OF_PROGRAMS if self._finish else _LADDER:
            if number is signal.SIGKILL:
                process.signal_group(self._child.pid, number)
            else:
                self._child.send_signal(number)
            if process.wait(self._child, seconds):
                return

    def _listen(self) -> None:
        streams = {
            name: _Stream(name, self._told, program=self._finish is not None)
            for name in ("stdout", "stderr")
        }
        try:
            last = self._heard(streams)
            code = self._child.wait()
            for stream in streams.values():
                stream.close()
            outcome = self._judged(last, code, streams)
        except Exception as error:
            self._end()
            outcome = Outcome(error=PdbuildError(f"the job's process cannot be heard: {error}"))
        self._close()
        self.hearing.end(outcome)

    def _told(self, event: Event) -> None:
        # A Python that is interrupted before it knows of us prints a traceback.
        if not self._cancelled:
            self.hearing.add(event)

    def _heard(self, streams: dict[str, _Stream]) -> Outcome | None:
        """Listen until the end of its events; its outcome, if it had a last word."""
        with selectors.DefaultSelector() as ready:
            events = _Events(self.hearing.add)
            ready.register(self._events, selectors.EVENT_READ, events)
            for name, stream in streams.items():
                ready.register(_pipe(getattr(self._child, name)), selectors.EVENT_READ, stream)
            while not events.ended:
                _listen(ready, None)
            # What it left running may keep its stdout and stderr open, and go on to write.
            for _ in range(_REST):
                if not _listen(ready, 0):
                    break
        return events.outcome

    def _judged(self, outcome: Outcome | None, code: int, streams: dict[str, _Stream]) -> Outcome:
        if self._cancelled:
            words = outcome.error.message if outcome and outcome.error else "cancelled"
            return Outcome(error=Interrupted(words))
        if outcome is None:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            last = streams["stderr"].last
            return Outcome(error=EngineError(f"the job's process {how}{last and f': {last}'}"))
        if outcome.error is None and self._finish:
            written = (streams["stdout"].text, streams["stderr"].text)
            return Outcome(value=self._finish(outcome.value, *written))
        return outcome

    def _close(self) -> None:
        os.close(self._events)
        for one in (self._child.stdin, self._child.stdout, self._child.stderr):
            with contextlib.suppress(OSError):
                _pipe(one).close()


def _listen(ready: selectors.BaseSelector, patience: float | None) -> bool:
    """Have who listens take in what there is; whether there was something."""
    found = ready.select(patience)
    for key, _ in found:
        if data := os.read(key.fd, 65536):
            key.data.feed(data)
        else:
            key.data.close()
            ready.unregister(key.fileobj)
    return bool(found)


class _Events:
    """What arrives on the pipe of events."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self.ended = False
        self.outcome: Outcome | None = None
        self._tell = tell
        self._reader = pipe.Reader()

    def feed(self, data: bytes) -> None:
        """Take in some of it."""
        for value in self._reader.feed(data):
            if isinstance(value, Outcome):
                self.outcome = value
            else:
                self._tell(value)

    def close(self) -> None:
        """That was all."""
        self.ended = True


class _Stream:
    """What arrives on a stream, as events."""

    def __init__(
        self,
        name: str,
        tell: Callable[[Event], None],
        *,
        program: bool,
    ) -> None:
        self._name: Literal["stdout", "stderr"] = "stdout" if name == "stdout" else "stderr"
        self._tell, self._program = tell, program
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: list[str] = []
        self._rest = ""

    @property
    def text(self) -> str:
        """All that a program wrote."""
        return "".join(self._pieces)

    @property
    def last(self) -> str:
        """The last line."""
        return "".join(self._pieces[-1:]).strip()

    def feed(self, data: bytes) -> None:
        """Take in some of it."""
        self._take(self._decoder.decode(data))

    def close(self) -> None:
        """That was all."""
        self._take(self._decoder.decode(b"", final=True))
        if self._rest:
            self._take("\n")

    def _take(self, text: str) -> None:
        if self._program:
            if text:
                self._pieces.append(text)
                self._tell(Output(stream=self._name, text=text))
            return
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._pieces = [line]
            self._tell(Notice(text=line))


def _started(folder: Path, events: int) -> programs.Child:
    if not sys.executable:
        raise EngineError("a job needs a Python of its own, and this one does not say where it is")
    return programs.start(
        *(sys.executable, "-P", "-c", _START, json.dumps(list(_search_path())), str(events)),
        cwd=folder, stdin=programs.PIPE, stdout=programs.PIPE, stderr=programs.PIPE,
        own_session=True, quick=True, pass_fds=(events,),
    )  # fmt: skip


def _search_path() -> Iterator[str]:
    """Where modules are looked for, as who is elsewhere has it."""
    return (os.path.abspath(place) for place in sys.path)  # noqa: PTH100 - "" is here


def _pipe(one: IO[bytes] | None) -> IO[bytes]:
    assert one
    return one
