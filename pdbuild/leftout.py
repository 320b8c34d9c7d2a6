"""Files that a failed step names, and does not see because `.dockerignore` leaves them out."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pdbuild.context import ignore
from pdbuild.plan.steps import SOURCE

NAME = ".dockerignore"

# What compilers, make, CMake, shells and engines say of files that are not there.
_LACKING = re.compile(
    r"no such file|not found|no rule to make|does ?n[o']t exist|(?:can ?not|can't) (?:find|open)"
    r"|not an existing",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w@%+./-]+")
# What pdbuild leaves out by itself, whatever the file says.
_NEVER = {".git", "build"}


def hints(root: Path, lines: Iterable[str]) -> tuple[str, ...]:
    """A line for each pattern of the project's `.dockerignore` by which a step lacks what it names
    in `lines`."""
    lines = tuple(lines)
    if not any(map(_LACKING.search, lines)):
        return ()
    try:
        text = (root / NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    ignored = ignore.parse(text)
    hidden = [path for path in _paths(root) if ignored(path)]
    found: dict[int, str] = {}
    for word in _words(lines):
        # A step says it as it is seen from some folder.
        named = [path for path in hidden if path == word or path.endswith(f"/{word}")]
        for path in named[:1]:
            line = ignore.deciding(text, path)
            # The file rather than its folder, which make names first.
            found[line] = max(found.get(line, ""), path, key=len)
    patterns = text.splitlines()
    return tuple(
        f"hint: {root / NAME}:{line}: {patterns[line - 1].strip()}: the build does not see {path}"
        for line, path in sorted(found.items())
    )


def _words(lines: Iterable[str]) -> Iterator[str]:
    """What may be paths, as they are below the source."""
    for line in lines:
        for word in _WORD.findall(line):
            path = word.removeprefix(f"{SOURCE}/").removeprefix("./").strip("/").rstrip(".")
            if "." in path or "/" in path or f"/{path}" in word:
                yield path


def _paths(root: Path) -> Iterator[str]:
    for folder, below, files in os.walk(root):
        here = os.path.relpath(folder, root)
        if here == ".":
            below[:] = [name for name in below if name not in _NEVER]
        for name in sorted((*below, *files)):
            yield os.path.normpath(f"{here}/{name}")
