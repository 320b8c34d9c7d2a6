"""The picture: its rows, what a terminal makes of them, and how it ends."""

import fcntl
import io
import os
import struct
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pyte
import pytest
from progress_bits import Clock, counter, feed, lines, vertex

from pdbuild.choices import Mode
from pdbuild.errors import UsageError
from pdbuild.progress import Solve, view
from pdbuild.progress.live import HIDE_CURSOR, SHOW_CURSOR, Line, Screen, frame
from pdbuild.progress.text import cut, duration, fit, size


def building(clock: Clock | None = None) -> Solve:
    """One target done, one that builds, one that waits, and a step that two share."""
    solve = Solve(["dev", "build-cpu", "docs", "last"], clock=clock or Clock())
    events = [
        vertex("i", "[dev internal] load build definition from Containerfile", 0, 0.1),
        vertex("d", "[dev dev 1/2] RUN apt-get install", 0, 5),
        vertex("d2", "[dev dev 2/2] RUN check", 5, 6),
        vertex("d", "[build-cpu dev 1/2] RUN apt-get install", 0, 0, cached=True),
        vertex("c1", "[build-cpu compile 1/3] RUN configure", 6, 7, cached=True),
        vertex("c2", "[build-cpu compile 2/3] RUN --mount=type=cache,target=/c ninja -C /build", 7),
        vertex("c3", "[build-cpu compile 3/3] RUN ninja install"),
        vertex(
            "p1", "[docs pages 1/1] RUN sphinx-build --a-very-long-option=1 -b html docs out", 7
        ),
        vertex("c2", "[docs compile 2/3] RUN --mount=type=cache,target=/c ninja -C /build", 7),
        vertex("x", "[last last 1/1] COPY a b"),
        vertex("l", "[last context base] OCI load from client", 7),
        counter("l", "sha256:a", 1_200_000, 5_000_000),
    ]
    feed(solve, events)
    return solve


def rows(solve: Solve, width: int, height: int = 24) -> list[str]:
    return [line.text for line in frame(solve, width, height, 72)]


def ends(left: str, right: str, width: int) -> str:
    return left.ljust(width - len(right)) + right


def test_wide() -> None:
    clock = Clock()
    solve = building(clock)
    clock.now += 12.34
    assert rows(solve, 120) == [
        ends("1/4 targets done: dev", "1.2 MB read  1m12s", 119),
        "build-cpu  [##########----------]  2/4  1 cached",
        ends("  compile 2/3 RUN ninja -C /build", "12.3s", 119),
        "docs       [--------------------]  0/2",
        ends("  pages 1/1 RUN sphinx-build --a-very-long-option=1 -b html docs out", "12.3s", 119),
        "last       [--------------------]  0/1",
        ends("  context base: OCI load from client", "1.2 MB/5.0 MB  12.3s", 119),
    ]


def test_narrow() -> None:
    assert rows(building(), 40) == [
        "1/4 targets done:…   1.2 MB read  1m12s",
        "build-cpu  2/4  1 cached",
        "  compile 2/3 RUN ninja -C /build  0.0s",
        "docs       0/2",
        "  pages 1/1 RUN sphinx-build --a…  0.0s",
        "last       0/1",
        "  context base: O…  1.2 MB/5.0 MB  0.0s",
    ]


@pytest.mark.parametrize("width", [1, 2, 5, 11, 20, 40, 59, 60, 61, 120])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 24])
def test_it_never_leaves_the_terminal(width: int, height: int) -> None:
    shown = rows(building(), width, height)
    assert len(shown) <= max(height - 1, 1)
    assert max(map(len, shown)) <= max(width - 1, 1)


def test_what_does_not_fit_is_counted() -> None:
    assert rows(building(), 80, 5)[1:] == [
        "build-cpu  [##########----------]  2/4  1 cached",
        ends("  compile 2/3 RUN ninja -C /build", "0.0s", 79),
        "… 4 more",
    ]


def test_before_anything_is_known() -> None:
    assert rows(Solve(["a", "b"]), 40) == [
        "0/2 targets done" + " " * 18 + "1m12s",
        "a  waiting",
        "b  waiting",
    ]


def test_a_failed_target_is_red() -> None:
    solve = Solve(["t"])
    feed(
        solve,
        [vertex("a", "[t 1/2] RUN x", 0, 1, error="exit code: 1"), vertex("b", "[t 2/2] RUN y")],
    )
    assert frame(solve, 40, 24, 0)[1] == Line("t  0/2  failed", "red")


class Terminal:
    """A terminal that a test looks at."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)

    def text(self) -> list[str]:
        shown = [row.rstrip() for row in self.screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown


@pytest.mark.parametrize("width", [40, 120])
@pytest.mark.parametrize("color", [True, False])
def test_the_screen_after_each_event_is_the_picture(width: int, color: bool) -> None:
    terminal, screen = Terminal(width, 12), Screen(color=color)
    terminal.stream.feed("$ pdbuild bake\r\n")
    solve = Solve(["binaries-cpu", "broken"], clock=Clock())
    for line in lines("failing_two"):
        solve.feed(line)
        picture = frame(solve, width, 12, 1)
        terminal.stream.feed(screen.draw(picture, width))
        assert terminal.text() == ["$ pdbuild bake", *(line.text for line in picture)]
    terminal.stream.feed(screen.erase(width))
    assert terminal.text() == ["$ pdbuild bake"]


def test_rows_that_stay_are_not_written_again() -> None:
    screen = Screen(color=False)
    assert screen.draw([Line("a"), Line("b")], 40) == "\r\x1b[Ja\x1b[K\r\nb\x1b[K\r\n"
    assert screen.draw([Line("a"), Line("b")], 40) == ""
    assert screen.draw([Line("a"), Line("c")], 40) == "\r\x1b[2A\r\nc\x1b[K\r\n"
    assert screen.draw([Line("a")], 40) == "\r\x1b[2A\r\n\x1b[J"


def test_a_narrower_terminal_has_broken_the_old_rows() -> None:
    screen = Screen(color=False)
    screen.draw([Line("x" * 79), Line("y")], 80)
    assert screen.draw([Line("z")], 40).startswith("\r\x1b[3A\x1b[Jz")


def test_color() -> None:
    line = [Line("a", "red")]
    assert "\x1b[31ma\x1b[0m" in Screen(color=True).draw(line, 9)
    assert "\x1b[3" not in Screen(color=False).draw(line, 9)


@contextmanager
def pty(width: int, height: int) -> Iterator[tuple[TextIO, Terminal, list[bytes]]]:
    """A terminal's end for the program, and what a person sees at the other."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    terminal, chunks = Terminal(width, height), []

    def read() -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            chunks.append(data)
            terminal.stream.feed(data.decode())

    reader = threading.Thread(target=read)
    reader.start()
    stream = os.fdopen(slave, "w", encoding="utf-8")
    try:
        yield stream, terminal, chunks
    finally:
        if not stream.closed:
            stream.close()
        reader.join(5)
        os.close(master)


def wait_for(condition: object) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if callable(condition) and condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never happened")


XTERM = {"TERM": "xterm"}


@pytest.mark.parametrize("width", [40, 120])
def test_on_a_terminal(width: int) -> None:
    with pty(width, 24) as (stream, terminal, chunks):
        with view("auto", stream, targets=["binaries-cpu", "broken"], environ=XTERM) as shown:
            for line in lines("failing_two")[:60]:
                shown.feed(line)
            wait_for(lambda: any("binaries-cpu" in row for row in terminal.text()))
            first = terminal.text()
            assert terminal.screen.cursor.hidden
            wait_for(lambda: terminal.text() != first)  # time passes without events
            for line in lines("failing_two")[60:]:
                shown.feed(line)
        stream.close()
        wait_for(lambda: not terminal.screen.cursor.hidden)
        assert terminal.text() == [
            "binaries-cpu  stopped  2/4  1.3s",
            "broken        failed   3/5  1.3s",
        ]
        output = b"".join(chunks).decode()
        assert output.startswith(HIDE_CURSOR)
        assert SHOW_CURSOR in output


def test_the_picture_follows_the_terminals_size() -> None:
    with (
        pty(120, 24) as (stream, terminal, _chunks),
        view("live", stream, targets=["a"], environ=XTERM),
    ):
        wait_for(lambda: terminal.text()[:1] and len(terminal.text()[0]) == 119)
        fcntl.ioctl(stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        terminal.screen.resize(24, 40)
        wait_for(lambda: len(terminal.text()[0]) == 39)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_cursor_comes_back_after_an_exception(error: type[BaseException]) -> None:
    with pty(80, 24) as (stream, terminal, _chunks):
        with pytest.raises(error), view("live", stream, targets=["t"], environ=XTERM) as shown:
            shown.feed(vertex("a", "[t 1/1] RUN x", 0))
            wait_for(lambda: len(terminal.text()) == 3)
            raise error
        stream.close()
        wait_for(lambda: not terminal.screen.cursor.hidden)
        assert terminal.text() == ["t  stopped  0/1  0.0s"]


class Tty(io.StringIO):
    """A terminal of unknown size that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


def test_frames_are_whole_and_few() -> None:
    stream, began = Tty(), time.monotonic()
    with view("live", stream, targets=["t"], environ=XTERM) as shown:
        while time.monotonic() < began + 0.6:
            shown.feed(vertex("a", "[t 1/1] RUN x", 0))
    frames = stream.writes[1:-1]
    assert 1 <= len(frames) <= 6
    assert all(frame.startswith("\r") and frame.endswith("\n") for frame in frames)


def test_a_terminal_that_is_gone_does_not_stop_the_build() -> None:
    class Gone(Tty):
        def write(self, text: str) -> int:
            super().write(text)
            if len(self.writes) > 1:
                raise OSError(5, "Input/output error")
            return len(text)

    stream = Gone()
    with view("live", stream, targets=["t"], environ=XTERM) as shown:
        shown.feed(vertex("a", "[t 1/1] RUN x", 0))
        wait_for(lambda: len(stream.writes) > 1)
        shown.feed(vertex("a", "[t 1/1] RUN x", 0, 1))
    assert shown.solve.finished("t")


@pytest.mark.parametrize(
    ("mode", "terminal", "environ", "expected"),
    [
        ("auto", True, {"TERM": "xterm"}, "LiveView"),
        ("auto", True, {"TERM": "dumb"}, "PlainView"),
        ("auto", True, {}, "PlainView"),
        ("auto", False, {"TERM": "xterm"}, "PlainView"),
        ("live", False, {"TERM": "xterm"}, "LiveView"),
        ("live", True, {"TERM": "dumb"}, "PlainView"),
        ("plain", True, {"TERM": "xterm"}, "PlainView"),
        ("json", True, {"TERM": "xterm"}, "JsonView"),
        ("quiet", True, {"TERM": "xterm"}, "View"),
    ],
)
def test_which_view(mode: Mode, terminal: bool, environ: dict[str, str], expected: str) -> None:
    stream = Tty() if terminal else io.StringIO()
    assert type(view(mode, stream, targets=["t"], environ=environ)).__name__ == expected


def test_an_unknown_mode() -> None:
    with pytest.raises(UsageError, match="unknown progress 'fancy'") as error:
        view("fancy", io.StringIO(), targets=[])  # type: ignore[arg-type]
    assert error.value.hint == "one of auto, live, plain, json, quiet"


@pytest.mark.parametrize(
    ("environ", "color", "expected"),
    [
        ({"TERM": "xterm"}, None, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, None, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, None, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, True),
        ({"TERM": "xterm"}, False, False),
    ],
)
def test_no_color(environ: dict[str, str], color: bool | None, expected: bool) -> None:
    stream = Tty()
    with view("live", stream, targets=["t"], color=color, environ=environ):
        wait_for(lambda: len(stream.writes) > 1)
    assert ("\x1b[1m" in "".join(stream.writes)) is expected


def test_json_passes_the_lines_on() -> None:
    stream = io.StringIO()
    with view("json", stream, targets=["broken"]) as shown:
        for line in lines("failing"):
            shown.feed(line)
    assert stream.getvalue().encode() == b"".join(lines("failing"))
    assert len(shown.solve.failures()) == 1


def test_quiet_says_nothing_and_knows_everything() -> None:
    stream = io.StringIO()
    with view("quiet", stream, targets=["broken"]) as shown:
        for line in lines("failing"):
            shown.feed(line)
    assert stream.getvalue() == ""
    assert len(shown.solve.failures()) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (12.34, "12.3s"),
        (59.96, "1m00s"),
        (125, "2m05s"),
        (3720, "1h02m"),
        (3599.7, "1h00m"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1200, "1.2 kB"),
        (45_000_000, "45.0 MB"),
        (3_100_000_000, "3.1 GB"),
    ],
)
def test_sizes(amount: int, text: str) -> None:
    assert size(amount) == text


def test_wide_characters_take_two_columns() -> None:
    assert cut("構築構築", 8) == "構築構築"
    assert cut("構築構築", 7) == "構築構…"
    assert cut("構築構築", 6) == "構築…"
    assert fit("構築", "1s", 8) == "構築  1s"
