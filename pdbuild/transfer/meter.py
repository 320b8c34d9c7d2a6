"""Shows how far transfers are: one line on a terminal, nothing elsewhere; or tells a program."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TextIO, TypeAlias

from pdbuild.table import size

_EVERY = 0.2

#: What is transferred, how many bytes of it are, and how many it can be (0: not known).
Watch: TypeAlias = Callable[[str, int, int], object]


@dataclass(slots=True, kw_only=True)
class Meter:
    """Adds up what several transfers at once have moved, of at most `most` bytes."""

    stream: TextIO | None
    what: str
    most: int = 0
    watch: Watch | None = None
    _moved: dict[str, int] = field(default_factory=dict)
    _shown: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, name: str) -> Callable[[int], None]:
        """What one transfer tells its bytes to."""

        def moved(count: int) -> None:
            with self._lock:
                self._moved[name] = count
                self._show()

        return moved

    def _show(self) -> None:
        if self.stream is None and self.watch is None:
            return
        if time.monotonic() - self._shown < _EVERY:
            return
        self._shown = time.monotonic()
        if self.watch:
            self.watch(self.what, sum(self._moved.values()), self.most)
        if self.stream is None:
            return
        most = f" of at most {size(self.most)}" if self.most else ""
        with contextlib.suppress(OSError):
            self.stream.write(f"\r\x1b[K{self.what}: {size(sum(self._moved.values()))}{most}")
            self.stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self.stream is not None and self._shown:
            with contextlib.suppress(OSError):
                self.stream.write("\r\x1b[K")
                self.stream.flush()


@contextlib.contextmanager
def metered(
    stream: TextIO | None, what: str, most: int = 0, watch: Watch | None = None
) -> Iterator[Meter]:
    """A meter on `stream`, if that is a terminal; its line goes in the end. It tells `watch`."""
    shown = stream if stream and stream.isatty() else None
    meter = Meter(stream=shown, what=what, most=most, watch=watch)
    try:
        yield meter
    finally:
        meter.clear()
