"""Where a recipe names a Debian package: for what apt says of one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pdbuild.errors import Mistake, RecipeError
from pdbuild.recipe import disk, load
from pdbuild.recipe.files import File, read
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.types import Block, Recipe

# The lists of packages, wherever they stand.
_LISTS = frozenset({"packages", "target_packages", "apt", "cross", "depends"})


def places(recipe: Recipe, package: str, what: str) -> tuple[Mistake, ...]:
    """The places that name the package, each with `what`: in the recipe, in what it extends, and
    in the project's own blocks. None when the files are there no more.
    """
    return tuple(
        file.mistake(Finding(path, what, item=item))
        for file in _files(recipe)
        for path, item in _packages(file.data, ())
        if item.partition(" ")[0].partition(":")[0] == package
    )


def _files(recipe: Recipe) -> Iterator[File]:
    path = Path(recipe.file)
    yield from load.written(path)
    for block in recipe.blocks:
        own = path.parent / "toolchain" / f"{block.name}.toml"
        if disk.is_file(own):
            try:
                yield read(disk.content(own), str(own), Block)
            except RecipeError:
                continue


def _packages(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """The items of all lists of packages, with the path of the list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _packages(inner, (*path, key))
    elif isinstance(value, list) and path and path[-1] in _LISTS:
        yield from ((path, item) for item in value if isinstance(item, str))
