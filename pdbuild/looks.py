"""How folders look: enough of every file to tell whether anything in them has changed."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

# What is no source: as in hooks/tree, what a bake leaves out and editors' own files.
_NO_SOURCE = re.compile(r"\.git|__pycache__|.*~|\..*\.sw.|\.#.*")


def source(tree: Path, *, without: tuple[str, ...] = ()) -> str:
    """A digest of the names, sizes, modes and times of all files of a source tree.

    `without` are names at its top that are none: `build`, `.venv`.
    """
    digest = hashlib.sha256()
    for line in _lines(str(tree), "", frozenset(without), sources=True):
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def folder(path: Path) -> str:
    """The same of everything in a folder, or of one file; "" when it is not there."""
    if not path.is_dir():
        return _file(os.lstat(path), "") if path.exists() else ""
    digest = hashlib.sha256()
    for line in _lines(str(path), "", frozenset(), sources=False):
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _lines(top: str, below: str, without: frozenset[str], *, sources: bool) -> Iterator[str]:
    with os.scandir(os.path.join(top, below)) as found:  # noqa: PTH118 - each file of a tree
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name in without or (sources and _NO_SOURCE.fullmatch(entry.name)):
            continue
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _lines(top, name, frozenset(), sources=sources)
        else:
            yield _file(entry.stat(follow_symlinks=False), name)


def _file(status: os.stat_result, name: str) -> str:
    return f"{name}\0{status.st_size} {status.st_mode:o} {status.st_mtime_ns}\n"
