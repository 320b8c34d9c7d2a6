"""The source as pages, in which every name leads to its definition, in `build/browse`."""

from collections.abc import Iterator, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Arg, Bind, Copy, Run, Stage, Tmpfs
from pdbuild.plan.options import options_of
from pdbuild.plan.steps import (
    HOOKS,
    SOURCE,
    hook_mounts,
    hook_name,
    inside,
    source_args,
    strict,
)
from pdbuild.plan.toolchain import checked, unless_left_out, workshop
from pdbuild.plan.types import GENERATOR, Request, Target
from pdbuild.plan.words import with_options
from pdbuild.recipe.forms import ARGUMENTS
from pdbuild.recipe.types import Recipe
from pdbuild.targets.binaries import compile_environment
from pdbuild.targets.kind import Kind


class Browse(Kind):
    """The pages of a recipe with a `[browse]`, if one of its generators is at hand."""

    name = "browse"

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """The one target, if there is any."""
        if generator(recipe):
            yield Target(
                name="browse",
                stage="browse",
                kind=self.name,
                description="the source as pages",
                labels={GENERATOR: generator(recipe)},
                args=source_args(recipe, request, goal),
                destination="build/browse",
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """The pages made, and the pages alone."""
        if not generator(recipe):
            return
        yield _made(recipe, goal)
        yield Stage(
            name="browse",
            base="scratch",
            comment="The pages of the source.",
            instructions=(Copy(stage="browse-build", source="/html/", target="/"),),
        )

    def refusal(self, recipe: Recipe) -> UsageError | None:
        """Every block that could make the pages was left out."""
        if recipe.browse is None or generator(recipe):
            return None
        reasons = [f"{n}: {why}" for n, why in recipe.left_out.items()]
        return UsageError(
            f"browse: no generator is at hand ({'; '.join(reasons)})",
            hint='name "doxygen" in [browse].generator and [toolchain].blocks',
        )


def generator(recipe: Recipe) -> str:
    """The block that makes the pages of the source: the first that was not left out, or ""."""
    here = {block.name for block in recipe.at_hand}
    wanted = recipe.browse.generator if recipe.browse else ()
    return next((name for name in wanted if name in here), "")


def _made(recipe: Recipe, goal: Goal) -> Stage:
    """The source as pages. Nothing is compiled: generators read it as a compiler does."""
    assert recipe.browse
    hook = recipe.browse.hook
    run = f"exec bash {HOOKS}/{hook_name(hook)} {recipe.project.name} {generator(recipe)}"
    # A generator asks CMake alone how the files are compiled.
    arguments = ("cmake",) if "cmake" in ARGUMENTS.get(recipe.build.hook, ("cmake",)) else ()
    script = with_options(recipe, run, arguments)
    script = unless_left_out(recipe, generator(recipe), "mkdir -p /html") + script
    options = options_of(recipe, recipe.default_variant, goal.platform.name)
    return Stage(
        name="browse-build",
        base=workshop(recipe),
        comment=f"The source as pages made by {generator(recipe)}, with the options of "
        f"{recipe.default_variant}.",
        instructions=(
            *compile_environment(recipe),
            Arg(name="VERSION", default="0.0.0"),
            *(Arg(name=option, default=value) for option, value in options.items()),
            Run(
                argv=strict(script),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    *hook_mounts(recipe, hook),
                    *checked(recipe),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )
