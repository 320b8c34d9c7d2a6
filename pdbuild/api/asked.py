"""What the arguments of functions mean as values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pdbuild.choices import Access, Choices
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

#: A path.
Place: TypeAlias = "str | os.PathLike[str]"
#: A folder from which a recipe is looked for, its file, or what `load` gave; None: from here.
Project: TypeAlias = "Place | Recipe | None"


def recipe(project: Project, name: str | None) -> Recipe:
    """The recipe that is meant; its file has an absolute path."""
    from pdbuild import project as projects
    from pdbuild.recipe.types import Recipe

    if isinstance(project, Recipe):
        return project
    place = Path(project or "").absolute()
    if name is None and not place.is_dir():
        return projects.open_recipe(str(place), place.parent)
    return projects.open_recipe(name, place)


def choices(
    recipe: Recipe,
    targets: Sequence[str],
    variants: Sequence[str],
    settings: Mapping[str, str] | None,
    platforms: Sequence[str],
) -> Choices:
    """What is asked for of a recipe, as a process elsewhere can read it."""
    from pdbuild.recipe.tools import variable

    return Choices(
        recipe=str(Path(recipe.file).absolute()),
        targets=tuple(targets),
        variants=tuple(variants),
        settings={variable(name): value for name, value in (settings or {}).items()},
        platforms=tuple(platforms),
    )


def chosen(
    project: Project,
    name: str | None,
    image: str,
    variant: str,
    settings: Mapping[str, str] | None,
    platform: str = "",
) -> Choices:
    """What is asked for where a program runs in `image`, or in that of a recipe's variant.

    Raises UsageError when both are meant.
    """
    platforms = (platform,) if platform else ()
    if not image:
        variants = (variant,) if variant else ()
        return choices(recipe(project, name), (), variants, settings, platforms)
    if variant or settings or name:
        raise UsageError(f"{image} is an image: recipe, variant or settings would choose another")
    if project is None:
        return Choices(platforms=platforms)
    return choices(recipe(project, None), (), (), None, platforms)


def layers(where: str) -> str:
    """Where layers are or go: a folder, which is the caller's, or a repository."""
    return str(Path(where).absolute()) if where.startswith((".", "/")) else where


def access(ca: Place | None, insecure: bool) -> Access:
    """How a registry may be talked to."""
    return Access(ca=Path(ca).absolute() if ca else None, insecure=insecure)
