"""Documentation: the project's pages in `build/docs`."""

from collections.abc import Iterator, Sequence

from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Arg, Bind, Copy, Run, Stage, Tmpfs
from pdbuild.plan.steps import HOOKS, OUTPUT, SOURCE, hook_mounts, hook_name, inside, source_args
from pdbuild.plan.toolchain import checked
from pdbuild.plan.types import Request, Target
from pdbuild.recipe.tables.docs import Docs as Table
from pdbuild.recipe.types import Recipe
from pdbuild.targets.kind import Kind


class Docs(Kind):
    """The pages of a recipe with a `[docs]`."""

    name = "docs"

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """The one target, if there is any."""
        if recipe.docs:
            yield Target(
                name="docs",
                stage="docs",
                kind=self.name,
                description="the documentation",
                args=source_args(recipe, request, goal),
                destination="build/docs",
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """The pages made, and the pages alone."""
        if recipe.docs is None:
            return
        yield _made(recipe, recipe.docs)
        yield Stage(
            name="docs",
            base="scratch",
            comment="The pages.",
            instructions=(Copy(stage="docs-build", source="/html/", target="/"),),
        )

    def variants(self, recipe: Recipe, target: Target) -> tuple[str, ...]:
        """The reference is read from the default variant."""
        return (recipe.default_variant,)


def _made(recipe: Recipe, docs: Table) -> Stage:
    """The pages, made from the source and the default variant's installed files."""
    variant = recipe.default_variant
    return Stage(
        name="docs-build",
        base="toolchain",
        comment=f"The documentation; its reference is read from the installed {variant} variant.",
        instructions=(
            Arg(name="VERSION", default="0.0.0"),
            Run(
                argv=(
                    "bash",
                    f"{HOOKS}/{hook_name(docs.hook)}",
                    f"{SOURCE}/{docs.source}",
                ),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    Bind(stage=f"build-{variant}", source=OUTPUT, target=OUTPUT),
                    *checked(recipe),
                    *hook_mounts(recipe, docs.hook),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )
