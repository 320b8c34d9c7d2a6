"""What a kind of target says of itself: all that the rest of pdbuild needs to know of it."""

from collections.abc import Iterator, Mapping, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Stage
from pdbuild.plan.types import Form, Plan, Request, Target
from pdbuild.recipe.types import Recipe


def _foreign(target: Target) -> bool:
    return target.name.endswith(f"-{target.platform.replace('/', '-')}")


class Kind:
    """One kind of target. A new one is a module with a subclass, and a line in `KINDS`.

    `name` is the kind of its targets, as `build/artifacts.json` has it; `group`, unless empty,
    is the name that stands for all of them. `everywhere` is said of kinds that are made for each
    platform; the others are for the machine that builds.
    """

    name: str
    group: str = ""
    everywhere: bool = False

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """The targets that a recipe offers for a goal, on which these variants exist."""
        raise NotImplementedError

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """The stages for these variants and a goal, the variant that compiles first in front.

        They come in an order in which each follows what it needs, after those of the kinds
        before this one in `KINDS`.
        """
        raise NotImplementedError

    def fits(self, recipe: Recipe) -> bool:
        """Whether a recipe can have such targets at all; an application alone has no others."""
        return not recipe.only_app

    def variants(self, recipe: Recipe, target: Target) -> tuple[str, ...]:
        """The variants that a target is made of."""
        return (target.variant,) if target.variant else ()

    def refusal(self, recipe: Recipe) -> UsageError | None:
        """Why a recipe that asks for this kind has no target of it now."""
        return None

    def beside(self, recipe: Recipe, plan: Plan) -> Mapping[str, str]:
        """Texts that stand beside an output, by their paths from the project's root."""
        return {}

    def named(self, files: Sequence[str]) -> tuple[str, ...]:
        """Those of an output's files that people are told of; its size is theirs."""
        return tuple(files)

    def where(self, target: Target, files: Sequence[str]) -> str:
        """Where people find an output; `files` are the paths that were collected of it."""
        if target.form is Form.IMAGE:
            return target.tags[0] + (f" ({target.platform})" if _foreign(target) else "")
        return files[0] if len(files) == 1 else f"{target.destination}/ ({len(files)} files)"
