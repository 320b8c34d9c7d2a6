"""Lowers a recipe to the stages under all others: the base, and the hooks."""

from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Copy, Env, Stage
from pdbuild.recipe.types import Recipe


def base_image(recipe: Recipe) -> str:
    """The image reference of the base, as plain tools would pull it."""
    base = recipe.base
    return base.image or f"{base.distribution}:{base.suite}-slim"


def base(recipe: Recipe, *, crossing: bool = False) -> Stage:
    """What every other stage starts from; when `crossing`, on the machine that builds."""
    return Stage(
        name="base",
        base=base_image(recipe),
        platform="$BUILDPLATFORM" if crossing else "",
        comment=f"{recipe.base.distribution.capitalize()} {recipe.base.suite}, and nothing else.",
        instructions=(Env(name="LANG", value="C.UTF-8"),),
    )


def base_for(goal: Goal) -> Stage:
    """The base of steps that put together what another platform runs; nothing of it runs here."""
    return Stage(
        name=goal.stage("base"),
        base="base",
        comment=f"Where things are put together for {goal.platform.name}. Nothing of it runs here.",
        instructions=(Env(name="PDBUILD_ARCHITECTURE", value=goal.platform.architecture),),
    )


def hooks() -> Stage:
    """The scripts that the steps run."""
    return Stage(
        name="hooks",
        base="scratch",
        comment="The scripts that the steps below run.",
        instructions=(Copy(source="hooks/", target="/"),),
    )
