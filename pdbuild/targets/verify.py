"""What is claimed of the production images: judged when they are there, and built by no engine."""

from collections.abc import Iterator, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Stage
from pdbuild.plan.types import Form, Request, Target
from pdbuild.recipe.types import Recipe
from pdbuild.targets.kind import Kind


class Verify(Kind):
    """The claims of a recipe with a `[verify]`."""

    name = "verify"
    group = "verify"
    everywhere = True

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """Those of each variant."""
        for variant in variants if recipe.verify and recipe.image else ():
            packages = (goal.target(f"deb-{variant}"),) if recipe.package else ()
            yield Target(
                name=goal.target(f"verify-{variant}"),
                stage=goal.stage(f"image-{variant}"),
                kind=self.name,
                form=Form.CLAIMS,
                description=f"what is claimed of the image of {variant}",
                variant=variant,
                judges=(goal.target(f"image-{variant}"), *packages),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """None: a step would not see what ships, see `pdbuild.verify.judge`."""
        yield from ()

    def refusal(self, recipe: Recipe) -> UsageError | None:
        """Nothing is claimed without being asked."""
        hint = "add the table [verify]: even an empty one claims something, see docs/verify.md"
        return None if recipe.verify else UsageError(f"{recipe.file} claims nothing", hint=hint)
