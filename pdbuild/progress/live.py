"""The build as a picture that is drawn again in place."""

from typing import Literal, NamedTuple

from pdbuild.progress.solve import Solve
from pdbuild.progress.steps import Step
from pdbuild.progress.text import cells, cut, duration, fit, size, words

Style = Literal["", "bold", "dim", "red"]

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

_SGR: dict[Style, str] = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "red": "\x1b[31m"}
_BAR_FROM = 60  # columns below which there is no room for a bar
_BAR = 20
_WORTH_TELLING = 1_000_000  # bytes


class Line(NamedTuple):
    """One row of the picture."""

    text: str
    style: Style = ""


def frame(solve: Solve, width: int, height: int, seconds: float) -> list[Line]:
    """The picture for a terminal of this size, `seconds` after the start.

    One row for each target that is not finished, and below it one for each of its steps at
    work; a step of several targets stands below the first of them.
    """
    # The last column stays free: writing it makes some terminals wrap.
    width, rows = max(width - 1, 1), max(height - 1, 1)
    finished = [target for target in solve.targets if solve.finished(target)]
    open_ = [target for target in solve.targets if target not in finished]
    lines = [_header(solve, finished, width, seconds)]
    running = list(solve.running())
    column = max(map(cells, open_), default=0)
    for target in open_:
        lines.append(_target(solve, target, column, width))
        mine = [step for step in running if target in step.names]
        lines += [_step(solve, step, target, width) for step in mine]
        running = [step for step in running if step not in mine]
    lines += [_step(solve, step, "", width) for step in running]
    if len(lines) > rows:
        rest = len(lines) - rows + 1
        lines[rows - 1 :] = [Line(cut(f"… {rest} more", width), "dim")]
    return lines[:rows]


def _header(solve: Solve, finished: list[str], width: int, seconds: float) -> Line:
    moved = f"{size(solve.transferred)} read" if solve.transferred >= _WORTH_TELLING else ""
    names = f": {', '.join(finished)}" if finished else ""
    left = f"{len(finished)}/{len(solve.targets)} targets done{names}"
    return Line(fit(left, f"{moved}  {duration(seconds)}".strip(), width), "bold")


def _target(solve: Solve, target: str, column: int, width: int) -> Line:
    tally = solve.tally(target)
    full = _BAR * tally.done // tally.total if tally.total else 0
    bar = f"[{'#' * full}{'-' * (_BAR - full)}]  " if width >= _BAR_FROM else ""
    count = f"{tally.done}/{tally.total}" if tally.total else "waiting"
    cached = f"  {tally.cached} cached" if tally.cached else ""
    failed = "  failed" if tally.failed else ""
    room = width - cells(f"  {bar}{count}{cached}{failed}")
    name = cut(target, max(room, 1))
    pad = " " * (min(column, max(room, 1)) - cells(name))
    text = cut(f"{name}{pad}  {bar}{count}{cached}{failed}", width)
    return Line(text, "red" if failed else "")


def _step(solve: Solve, step: Step, target: str, width: int) -> Line:
    current, total = solve.moved(step)
    moved = f"{size(current)}/{size(total)}" if total else size(current) if current else ""
    right = f"{moved}  {duration(solve.elapsed(step))}".strip()
    name = step.names.get(target, step.name)
    return Line(fit(f"  {words(name, solve.number(step), target)}", right, width), "dim")


class Screen:
    """Turns pictures into what to write to the terminal; remembers what stands there."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._drawn: list[Line] = []
        self._width = 0

    def draw(self, lines: list[Line], width: int) -> str:
        """The bytes, as text, that make the old picture this one; only new rows are written."""
        if lines == self._drawn and width == self._width:
            return ""
        text, old = self._home(width), self._drawn
        if width != self._width:
            text, old = text + "\x1b[J", []
        for index, line in enumerate(lines):
            same = index < len(old) and old[index] == line
            text += "\r\n" if same else f"{self._styled(line)}\x1b[K\r\n"
        if len(lines) < len(old):
            text += "\x1b[J"
        self._drawn, self._width = lines, width
        return text

    def erase(self, width: int) -> str:
        """What removes the picture and leaves the cursor where it began."""
        text = self._home(width) + "\x1b[J"
        self._drawn = []
        return text

    def _home(self, width: int) -> str:
        # A terminal that became narrower has broken the rows that no longer fit.
        rows = sum(-(-max(cells(line.text), 1) // max(width, 1)) for line in self._drawn)
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _styled(self, line: Line) -> str:
        style = _SGR[line.style] if self._color else ""
        return f"{style}{line.text}\x1b[0m" if style else line.text
