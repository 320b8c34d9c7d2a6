"""Loads a recipe that has been loaded before without checking it again: a tenth of a second.

What is remembered holds as long as each file that loading it looked at has the same content.
"""

import contextlib
import hashlib
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

from pdbuild import looks, whole
from pdbuild.dirs import cache_dir
from pdbuild.recipe import check, disk
from pdbuild.recipe import load as loading
from pdbuild.recipe.types import Recipe

# The only form in which it is sure what a recipe extends: one in its own folder.
_EXTENDS = re.compile(rb'^extends = "([^"/\\\\]+\.toml)"\s*$', re.MULTILINE)


def load(path: Path, *, blocks_dir: Path, hooks_dir: Path) -> Recipe:
    """The same as `load.load`, with the same errors."""
    digest = _digest(path, blocks_dir)
    if digest is None:
        return loading.load(path, blocks_dir=blocks_dir, hooks_dir=hooks_dir)
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    memory = cache_dir() / "recipes" / name
    recipe = _remembered(memory, digest, hooks_dir)
    if recipe is None:
        recipe = loading.load(path, blocks_dir=blocks_dir, hooks_dir=hooks_dir)
        with contextlib.suppress(OSError):
            _remember(memory, digest, recipe)
    return recipe


def looks_at(path: Path, blocks_dir: Path) -> tuple[Path, ...] | None:
    """The folders whose TOML files a recipe is made of; None when it extends one elsewhere."""
    if not _is_here(path):
        return None
    return (path.parent, path.parent / "toolchain", blocks_dir)


def _digest(path: Path, blocks_dir: Path) -> str | None:
    """Of all that loading reads; None when the recipe reads files that are not known here."""
    digest = hashlib.sha256()
    # Another pdbuild may check more, or mean something else by it.
    digest.update(looks.source(Path(__file__).parent).encode())
    digest.update(f"{path}\0{path.parent.resolve()}\0{Path.cwd()}\0".encode(errors="replace"))
    try:
        if not _is_here(path):
            return None
        for file in _files(path, blocks_dir):
            content = file.read_bytes()
            digest.update(b"%s\0%d\0" % (os.fsencode(file), len(content)) + content)
    except OSError:
        return None
    return digest.hexdigest()


def _is_here(path: Path) -> bool:
    """Whether all that a recipe extends is in its folder, whose TOML files count in any case."""
    for _ in range(9):  # more are a circle
        content = path.read_bytes()
        found = _EXTENDS.findall(content)
        if len(found) != content.count(b"extends"):
            return False
        if not found:
            return True
        path = path.with_name(os.fsdecode(found[0]))
    return False


def _files(path: Path, blocks_dir: Path) -> Iterator[Path]:
    yield path
    for folder in (path.parent, path.parent / "toolchain", blocks_dir):
        yield from disk.toml_files(folder)


def _remembered(memory: Path, digest: str, hooks_dir: Path) -> Recipe | None:
    try:
        # Our own file, in a folder that is ours alone to write.
        before, recipe = pickle.loads(memory.read_bytes())
    except Exception:  # whatever a damaged file makes of it
        return None
    if before != digest or not isinstance(recipe, Recipe):
        return None
    source = Path(recipe.root, recipe.source)
    gone = not source.is_dir() or any(check.missing(recipe, source, hooks_dir))
    return None if gone else recipe


def _remember(memory: Path, digest: str, recipe: Recipe) -> None:
    memory.parent.mkdir(mode=0o700, exist_ok=True)
    whole.write(memory, pickle.dumps((digest, recipe)))
