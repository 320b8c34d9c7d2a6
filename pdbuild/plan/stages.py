"""Lowers a recipe to the stages under all others: the base, and the hooks."""

from pdbuild.plan.instructions import Copy, Env, Stage
from pdbuild.recipe.types import Recipe


def base_image(recipe: Recipe) -> str:
    """The image reference of the base, as plain tools would pull it."""
    base = recipe.base
    return base.image or f"{base.distribution}:{base.suite}-slim"


def base(recipe: Recipe) -> Stage:
    """What every other stage starts from."""
    return Stage(
        name="base",
        base=base_image(recipe),
        comment=f"{recipe.base.distribution.capitalize()} {recipe.base.suite}, and nothing else.",
        instructions=(Env(name="LANG", value="C.UTF-8"),),
    )


def hooks() -> Stage:
    """The scripts that the steps run."""
    return Stage(
        name="hooks",
        base="scratch",
        comment="The scripts that the steps below run.",
        instructions=(Copy(source="hooks/", target="/"),),
    )
