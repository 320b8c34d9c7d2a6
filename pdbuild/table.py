"""Tables on a terminal, and sizes in them."""

from collections.abc import Sequence


def lines(rows: Sequence[tuple[str, ...]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as lines with aligned columns; the columns in `right` end flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = []
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def size(count: int) -> str:
    """Bytes for people, in powers of ten."""
    if count < 1000:
        return f"{count} B"
    power = min(len(str(count)) - 1, 9) // 3
    return f"{count / 1000**power:.1f} {' kMG'[power]}B"
