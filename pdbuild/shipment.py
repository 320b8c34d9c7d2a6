"""What goes to a registry, and to which: by names, or by the recipe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pdbuild import references as naming
from pdbuild.choices import Access, Choices
from pdbuild.errors import UsageError
from pdbuild.plan.types import Plan
from pdbuild.project import open_recipe, plan_for
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store


def recipe_here(chosen: str | None, *, needed: bool) -> Recipe | None:
    """The recipe that is meant; None where there is none, and none was named or is `needed`."""
    try:
        return open_recipe(chosen)
    except UsageError:
        if chosen or needed:
            raise
        return None


def named(store: Store, names: Sequence[str]) -> tuple[str, ...]:
    """The references of these images; a name without a tag is all of its name."""
    images = store.images()
    found = (image.reference for name in names for image in naming.matching(images, name))
    return tuple(dict.fromkeys(found))


def of_version(store: Store, recipe: Recipe, choices: Choices) -> tuple[str, ...]:
    """The recipe's production images of the source's version, of these variants or all; those of
    an application's recipe are its applications.

    Raises UsageError when the recipe has neither, or one of them was not baked.
    """
    if recipe.image is None and recipe.app is None:
        raise UsageError(f"{recipe.file} has no [image]", hint="add one, or name an image")
    plan = plan_for(recipe, replace(choices, targets=(f"{_kind(recipe)}s",)), fetch=False)
    tags = production(recipe, plan)
    missing = [tag for tag in tags if store.find(tag) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: not baked yet",
            hint="pdbuild bake --push bakes what is missing or out of date first",
        )
    return tags


def production(recipe: Recipe, plan: Plan) -> tuple[str, ...]:
    """The references of a plan's production images, of an application's recipe those of its
    applications. Raises UsageError when it has none."""
    images = (target for target in plan.targets if target.kind == _kind(recipe))
    found = tuple(dict.fromkeys(tag for target in images for tag in target.tags))
    if not found:
        kind = _kind(recipe)
        raise UsageError(
            "no production image is asked for", hint=f"name {kind}-VARIANT, or {kind}s"
        )
    return found


def _kind(recipe: Recipe) -> str:
    return "app" if recipe.app else "image"


def destination(to: str, recipe: Recipe | None) -> str:
    """The repository: as the command line says, else the recipe. UsageError for neither."""
    found = to or (recipe.registry.to if recipe else "")
    if not found:
        where = f"{recipe.file} has no [registry] to" if recipe else "no recipe says where"
        raise UsageError(f"no repository to push to: {where}", hint="--to HOST/PATH")
    return found


def access(given: Access, recipe: Recipe | None) -> Access:
    """How the registry may be talked to: as the command line says, and else the recipe."""
    if given.ca is None and recipe and recipe.registry.ca:
        return replace(given, ca=Path(recipe.root, recipe.registry.ca))
    return given
