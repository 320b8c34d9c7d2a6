"""TOML as a person writes it."""

from collections.abc import Iterable

_COLUMN = 36


def commented(line: str, comment: str) -> str:
    """A line with a comment at the column of all comments."""
    return f"{line:<{_COLUMN}} # {comment}" if comment else line


def quoted(text: str) -> str:
    """A string; what cannot be printed is left out."""
    plain = "".join(c for c in text if c.isprintable())
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def listed(texts: Iterable[str]) -> str:
    """A list of strings on one line."""
    return f"[{', '.join(map(quoted, texts))}]"


def table(name: str, lines: Iterable[str]) -> str:
    """A table with its lines."""
    return "\n".join((f"[{name}]", *lines))
