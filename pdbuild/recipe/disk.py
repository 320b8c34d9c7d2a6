"""What recipes need of the file system; nothing here raises OSError."""

import codecs
import stat
from pathlib import Path

from pdbuild.errors import Mistake, RecipeError

_LARGEST = 1 << 20


def content(path: Path) -> bytes:
    """What is in a file of reasonable size, but for the mark that some editors put before UTF-8.

    Raises RecipeError when that cannot be had.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "is a folder, not a recipe" if path.is_dir() else "not a regular file"
            raise RecipeError((Mistake(str(path), 0, "", what),))
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise RecipeError((Mistake(str(path), 0, "", "there is no such file"),)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecipeError((Mistake(str(path), 0, "", f"cannot be read: {reason}"),)) from None
    if len(content) > _LARGEST:
        raise RecipeError((Mistake(str(path), 0, "", "larger than 1 MiB; not a recipe"),))
    return content.removeprefix(codecs.BOM_UTF8)


def is_file(path: Path) -> bool:
    """Whether `path` is a file that can be looked at."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder that can be looked at."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def toml_files(folder: Path) -> list[Path]:
    """The TOML files of a folder by name; none when it cannot be read."""
    try:
        return sorted(path for path in folder.glob("*.toml") if is_file(path))
    except (OSError, ValueError):
        return []


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def resolved(folder: Path, named: str) -> Path | None:
    """The path `named`, relative to `folder`, without links; None when it cannot be one."""
    try:
        return (folder / named).resolve() if named else None
    except (OSError, ValueError, RuntimeError):
        return None
