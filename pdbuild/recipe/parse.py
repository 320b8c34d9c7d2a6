"""From the bytes of a TOML file to its tables, or to why it cannot be read."""

from typing import Any

import tomli

from pdbuild.errors import Mistake, RecipeError
from pdbuild.recipe.merge import Tables

_DEEPEST = 16

# What tomli says, where people would not say it so.
_PLAINER = {
    "Cannot overwrite a value": "the key is already there",
    "Illegal character '\\n'": "a string does not end on its line",
}


def parse(content: bytes, file: str) -> tuple[str, Tables]:
    """The text and the tables of a TOML file's `content`.

    Raises RecipeError when it is not UTF-8, not TOML, empty or nested beyond reason; `file`
    is what messages call it.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(file, line, "not UTF-8 text", "save the file as UTF-8") from None
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        said = _PLAINER.get(error.msg, _one_line(error.msg))
        what = f"not valid TOML: {said} (column {error.colno})"
        raise _refused(file, error.lineno, what) from None
    except RecursionError:
        raise _refused(file, 0, f"nested more than {_DEEPEST} levels deep") from None
    except ValueError as error:  # an integer of thousands of digits, a month 13
        raise _refused(file, 0, f"not valid TOML: {_one_line(str(error))}") from None
    if not data:
        raise _refused(file, 0, "the file is empty")
    if _too_deep(data):
        raise _refused(file, 0, f"nested more than {_DEEPEST} levels deep")
    return text, data


def _refused(file: str, line: int, what: str, hint: str = "") -> RecipeError:
    return RecipeError((Mistake(file, line, "", what, hint),))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[:200]


def _too_deep(data: Tables) -> bool:
    """Without recursion: the text decides how deep it goes."""
    waiting: list[tuple[Any, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            return True
        if isinstance(value, dict):
            waiting.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            waiting.extend((inner, depth + 1) for inner in value)
    return False
