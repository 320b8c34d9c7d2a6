"""Lines of text for terminals and logs: widths, durations, sizes, and a step in words."""

import unicodedata

from pdbuild.progress.names import StepName, brief


def cells(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits the width with an ellipsis at its end."""
    if cells(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _cells(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…" if width > 0 else ""


def fit(left: str, right: str, width: int) -> str:
    """`left` and `right` at the two ends of one line; what does not fit is cut from `left`."""
    room = width - cells(right) - 2
    if not right or room < 1:
        return cut(left or right, width)
    left = cut(left, room)
    return left + " " * (room + 2 - cells(left)) + right


def duration(seconds: float) -> str:
    """`12.3s`, `2m05s`, `1h02m`."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def size(amount: int) -> str:
    """`512 B`, `1.2 kB`, `45.0 MB`, `3.1 GB`."""
    value = float(amount)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def place(name: StepName, number: tuple[int, int] | None, target: str) -> str:
    """Where a step stands: `[platform] [stage] i/n`; a stage named like `target` is left out."""
    if number is None:
        return ""
    stage = "" if name.stage == target else name.stage
    return " ".join(filter(None, (name.platform, stage, f"{number[0]}/{number[1]}")))


def words(name: StepName, number: tuple[int, int] | None, target: str) -> str:
    """A step's place and its instruction, or what other work it is."""
    if number is not None:
        return f"{place(name, number, target)} {brief(name.text)}"
    kind = "" if name.kind == "internal" else f"{name.kind}: " if name.kind else ""
    return f"{kind}{' '.join(name.text.split())}"


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
