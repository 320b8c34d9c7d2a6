"""The goals of a request: the platforms that things are made for, and what does not exist there."""

from collections.abc import Iterator, Mapping, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan.goal import Goal
from pdbuild.plan.options import absent_on, elsewhere
from pdbuild.plan.types import Request
from pdbuild.platforms import PLATFORMS
from pdbuild.recipe.names import platform_problem
from pdbuild.recipe.tools import shown
from pdbuild.recipe.types import Recipe

__all__ = ["Goal"]


def asked(recipe: Recipe, request: Request) -> tuple[str, ...]:
    """The platforms that are meant, also by a target's name.

    Raises UsageError for a name that is none.
    """
    for platform in request.platforms:
        problem, hint = platform_problem(platform)
        if problem:
            raise UsageError(f"--platform: {problem}", hint=hint)
    if request.platforms:
        return tuple(dict.fromkeys(request.platforms))
    named = [
        platform.name
        for platform in PLATFORMS.values()
        if any(target.endswith(f"-{platform.folder}") for target in request.targets)
    ]
    usual = recipe.project.platforms or (request.machine.name,)
    return tuple(dict.fromkeys((*usual, *named)))


def make(recipe: Recipe, request: Request) -> tuple[Goal, ...]:
    """A goal of each platform of the request.

    Raises UsageError for one that pdbuild does not compile for.
    """
    return tuple(_goal(recipe, request, platform) for platform in request.platforms)


def home(request: Request) -> Goal:
    """The machine that builds."""
    return Goal(platform=request.machine)


def _goal(recipe: Recipe, request: Request, name: str) -> Goal:
    if name == request.machine.name:
        return home(request)
    platform = PLATFORMS.get(name)
    if platform is None:
        raise UsageError(
            f"platform {name}: pdbuild does not compile for it on {request.machine.name}",
            hint=f"it does for {', '.join(PLATFORMS)}",
        )
    emulate = recipe.build.emulate
    return Goal(platform=platform, crossing=not emulate, emulating=emulate)


def present(recipe: Recipe, platform: str) -> tuple[str, ...]:
    """The variants that exist on a platform."""
    absent = absent_on(recipe, platform)
    return tuple(name for name in recipe.variants if name not in absent)


def refuse(recipe: Recipe, meant: Sequence[Goal], variants: Sequence[str]) -> None:
    """Raise UsageError when one of the `variants` asked for exists on no platform that is meant."""
    absent = [absent_on(recipe, goal.platform.name) for goal in meant]
    for name in variants:
        if all(name in found for found in absent):
            raise _refusal(name, meant[0], absent[0][name])


def absent_target(recipe: Recipe, name: str, meant: Sequence[Goal]) -> UsageError | None:
    """Why a target of this name is on none of the platforms, if it is a variant's."""
    for goal in meant:
        for variant, reason in absent_on(recipe, goal.platform.name).items():
            if name.partition("-")[2] == variant:
                return _refusal(variant, goal, reason)
    return None


def _refusal(variant: str, goal: Goal, reason: str) -> UsageError:
    return UsageError(f"variant {variant} does not exist on {goal.platform.name}: {reason}")


def notes(recipe: Recipe, meant: Sequence[Goal], variants: Sequence[str]) -> Iterator[str]:
    """What is left out of the `variants` on a platform, and what is emulated, a line for each."""
    for goal in meant:
        name = goal.platform.name
        for variant, reason in absent_on(recipe, name).items():
            if variant in variants:
                yield f"{name}: variant {variant} is left out: {reason}"
        if goal.emulating:
            yield f"{name}: all of it is compiled under an emulator, as the recipe says"


def check_settings(recipe: Recipe, settings: Mapping[str, str], meant: Sequence[Goal]) -> None:
    """Raise UsageError for a setting that means nothing on any of the platforms."""
    nothing = [elsewhere(recipe, goal.platform.name) for goal in meant]
    for name, value in settings.items():
        if all(name in found for found in nothing):
            where = ", ".join(recipe.options[name].platforms)
            raise UsageError(
                f"--set {shown(name)}={value}: it means nothing on {meant[0].platform.name}",
                hint=f"it does on {where}",
            )
