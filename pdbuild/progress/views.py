"""How a build is shown while it runs: `view` picks one, `with` starts and ends it."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self, TextIO

from pdbuild import VERBOSE
from pdbuild.choices import MODES, Mode
from pdbuild.errors import UsageError
from pdbuild.progress.live import HIDE_CURSOR, SHOW_CURSOR, Screen, frame
from pdbuild.progress.plain import Plain, summary
from pdbuild.progress.solve import Change, Solve

_FRAME_SECONDS = 0.1


class View:
    """Shows nothing (`quiet`); the others build on it. `solve` is what is known so far.

    `watch`, when it is set, is called with each change.
    """

    watch: Callable[[Change], None] | None = None

    def __init__(self, stream: TextIO, solve: Solve) -> None:
        self.solve = solve
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def feed(self, line: bytes) -> None:
        """Take in one line of buildx's stderr."""
        self._take(line)

    def _take(self, line: bytes) -> tuple[Change, ...]:
        changes = self.solve.feed(line)
        if self.watch:
            for change in changes:
                self.watch(change)
        return changes

    def close(self) -> None:
        """End the view; `with` does this."""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class JsonView(View):
    """Passes the lines on as they are."""

    def feed(self, line: bytes) -> None:
        """Take in one line and pass it on."""
        self._take(line)
        self._write(line.decode(errors="replace").rstrip("\n") + "\n")


class PlainView(View):
    """Lines for logs and CI, each whole when written."""

    def __init__(self, stream: TextIO, solve: Solve) -> None:
        super().__init__(stream, solve)
        self._plain = Plain(solve)

    def feed(self, line: bytes) -> None:
        """Take in one line and print what it changed."""
        lines = [text for change in self._take(line) for text in self._plain.lines(change)]
        if lines:
            self._write("\n".join(lines) + "\n")

    def close(self) -> None:
        """Print the summary."""
        if lines := summary(self.solve):
            self._write("\n".join(lines) + "\n")


class LiveView(View):
    """A picture on a terminal. A thread draws it, so that time passes when nothing happens."""

    def __init__(
        self, stream: TextIO, solve: Solve, *, color: bool, clock: Callable[[], float]
    ) -> None:
        super().__init__(stream, solve)
        self._screen = Screen(color=color)
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._painter = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._write(HIDE_CURSOR)
            self._painter.start()
        except BaseException:  # Ctrl-C comes at any moment, and `with` has not begun
            self.close()
            raise
        return self

    def feed(self, line: bytes) -> None:
        """Take in one line; the next frame shows it."""
        with self._lock:
            self._take(line)

    def paint(self) -> None:
        """Draw one frame, in one write."""
        width, height = _terminal_size(self._stream)
        with self._lock:
            lines = frame(self.solve, width, height, self._clock() - self._began)
        if text := self._screen.draw(lines, width):
            self._write(text)

    def close(self) -> None:
        """Put the summary in the picture's place and give the cursor back."""
        self._stop.set()
        # The terminal may be gone, and a second Ctrl-C may come while waiting: whatever
        # happens, the cursor is given back.
        try:
            if self._painter.ident is not None:
                self._painter.join()
        finally:
            with contextlib.suppress(OSError):
                width, _ = _terminal_size(self._stream)
                rest = "".join(f"{line}\n" for line in summary(self.solve))
                self._write(self._screen.erase(width) + SHOW_CURSOR + rest)

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # nobody looks any more
            while not self._stop.wait(_FRAME_SECONDS):
                self.paint()


def view(
    mode: Mode,
    stream: TextIO,
    *,
    targets: Iterable[str],
    color: bool | None = None,
    clock: Callable[[], float] = time.monotonic,
    environ: Mapping[str, str] | None = None,
) -> View:
    """A view of a bake of `targets` on `stream`, to be used in a `with` statement.

    `auto` is `live` on a terminal and `plain` elsewhere, and between the command lines that
    `--verbose` shows. `color` None means: on a terminal,
    unless NO_COLOR is set.

    Raises UsageError for a mode that does not exist.
    """
    if mode not in MODES:
        raise UsageError(f"unknown progress {mode!r}", hint=f"one of {', '.join(MODES)}")
    environ = os.environ if environ is None else environ
    solve = Solve(targets, clock=clock)
    capable = environ.get("TERM", "dumb") not in ("", "dumb")
    terminal = stream.isatty() and capable
    if mode == "auto":
        mode = "live" if terminal and not environ.get(VERBOSE) else "plain"
    if mode == "live" and capable:
        if color is None:
            color = terminal and not environ.get("NO_COLOR")
        return LiveView(stream, solve, color=color, clock=clock)
    kinds = {"live": PlainView, "plain": PlainView, "json": JsonView, "quiet": View}
    return kinds[mode](stream, solve)


def _terminal_size(stream: TextIO) -> tuple[int, int]:
    # Not shutil's: that trusts COLUMNS, which a resize leaves behind.
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns = lines = 0
    return columns or 80, lines or 24
