"""Recipes of one `recipes/` folder: no two make a package of the same name."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import tomli

from pdbuild.errors import RecipeError
from pdbuild.recipe import disk, names
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.types import Recipe


def check(recipe: Recipe, path: Path, own: Collection[Path] = ()) -> Iterator[Finding]:
    """Packages that another recipe of the same `recipes/` folder makes under the same name.

    `own` are the files that make up this one: what it extends makes its packages, too.
    """
    if path.parent.resolve().name != "recipes":
        return
    defaults = [name for name, variant in recipe.variants.items() if variant.default]
    mine = _packages(recipe.project.name, recipe.variants, defaults)
    for other in disk.toml_files(path.parent):
        if disk.same(other, path) or any(disk.same(other, file) for file in own):
            continue
        for name in sorted(mine & _packages_of(other)):
            what = f"{other} makes a package {names.quote(name)} too"
            needs: tuple[KeyPath, ...] = (("project", "name"), ("variants",))
            yield Finding(("project", "name"), what, needs=needs)
            break


def _packages_of(path: Path) -> set[str]:
    """The packages that a recipe nobody asked to load would make, if it can be read at all."""
    try:
        data: Any = tomli.loads(disk.content(path).decode())
        name, variants = data["project"]["name"], data.get("variants", {})
        defaults = [key for key, value in variants.items() if value.get("default") is True]
        return _packages(str(name), variants, defaults or list(variants)[:1])
    except (RecipeError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return set()


def _packages(project: str, variants: Iterable[str], defaults: list[str]) -> set[str]:
    return {project, *(f"{project}-{name}" for name in variants if name not in defaults)}
