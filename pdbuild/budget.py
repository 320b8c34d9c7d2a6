"""The sizes that a recipe allows its images."""

from collections.abc import Iterable

from pdbuild import table
from pdbuild.errors import PdbuildError
from pdbuild.plan.types import TITLE, VARIANT
from pdbuild.recipe import names
from pdbuild.recipe.types import Recipe
from pdbuild.store import StoredImage


def check(recipe: Recipe, images: Iterable[StoredImage]) -> None:
    """Raise PdbuildError for the first image that takes more than its table allows."""
    budgets = {}
    if recipe.image:
        budgets[recipe.project.name] = ("image", recipe.image.size_budget)
    if recipe.app:
        budgets[recipe.app.name] = ("app", recipe.app.size_budget)
    for image in images:
        if VARIANT in image.labels:
            name, budget = budgets.get(image.labels.get(TITLE, ""), ("", ""))
            if budget and (image.unpacked or 0) > (names.size(budget) or 0):
                raise PdbuildError(
                    f"{image.reference} takes {table.size(image.unpacked or 0)}, "
                    f"more than its budget of {budget}",
                    hint=f"remove packages from [{name}].packages, or raise [{name}].size_budget",
                )
