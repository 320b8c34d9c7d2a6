"""Binaries: a variant compiled, and its installed files in `build/VARIANT`."""

from collections.abc import Iterator, Sequence

from pdbuild.plan import steps
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Arg, Bind, Cache, Copy, Env, Run, Stage, Tmpfs
from pdbuild.plan.options import options_of
from pdbuild.plan.steps import (
    CCACHE,
    HOOKS,
    OUTPUT,
    SOURCE,
    SYMBOLS,
    TREE,
    WAITS,
    cache_key,
    inside,
    made_for,
    shipped,
    source_args,
    strict,
)
from pdbuild.plan.toolchain import after_checks
from pdbuild.plan.types import Request, Target
from pdbuild.plan.words import build_hook, build_script
from pdbuild.recipe.types import Recipe
from pdbuild.targets.kind import Kind


class Binaries(Kind):
    """Programs and libraries, as the build hook installs them."""

    name = "binaries"
    group = "binaries"
    everywhere = True

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """One of each variant."""
        for variant in variants:
            yield Target(
                name=goal.target(f"binaries-{variant}"),
                stage=goal.stage(f"binaries-{variant}"),
                kind=self.name,
                description=f"binaries and libraries of {variant}",
                variant=variant,
                args=source_args(recipe, request, goal),
                destination=goal.below(f"build/{variant}"),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """What compiling has in common, then each variant compiled, then the files alone."""
        yield _compile_base(recipe, goal)
        script = _script(recipe)
        for variant in variants:
            yield _build(recipe, variant, script, goal, first=variants[0])
        for variant in variants:
            yield _binaries(recipe, variant, goal)


def compile_environment(recipe: Recipe) -> tuple[Env, ...]:
    """What the build hook finds in its environment, whatever the variant."""
    environment = {
        "PDBUILD_SOURCE": SOURCE,
        "PDBUILD_TREE": TREE,
        "PDBUILD_OUTPUT": OUTPUT,
        "PDBUILD_PREFIX": recipe.build.prefix,
        "CCACHE_DIR": CCACHE,
        # All variants compile in the same folders, so an object fits each of them.
        "CCACHE_NOHASHDIR": "1",
        **steps.build_environment(recipe),
    }
    return tuple(Env(name=k, value=v) for k, v in environment.items())


def _compile_base(recipe: Recipe, goal: Goal) -> Stage:
    return Stage(
        name=goal.stage("compile"),
        base=goal.stage("toolchain"),
        comment="What compiling has in common, whatever the variant.",
        instructions=compile_environment(recipe),
    )


def _build(recipe: Recipe, variant: str, script: str, goal: Goal, *, first: str) -> Stage:
    """One variant compiled and installed into /out; waits for the variant `first`."""
    name = recipe.project.name
    options = options_of(recipe, variant, goal.platform.name)
    waits_for = "compile" if variant == first else f"build-{first}"
    meant = f" for {goal.platform.name}" if goal.crossing else ""
    key = cache_key(recipe, goal)
    return Stage(
        name=goal.stage(f"build-{variant}"),
        base=goal.stage("compile"),
        comment=f"Variant {variant}{meant}, compiled and installed into {OUTPUT}."
        + ("" if variant == first else f" It waits for {first}, whose objects it finds in ccache."),
        instructions=(
            *made_for(goal),
            Arg(name="VERSION", default="0.0.0"),
            *(Arg(name=option, default=value) for option, value in options.items()),
            Run(
                argv=strict(script),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    *shipped(build_hook(recipe)),
                    # The content of this file never changes, so waiting costs no cache.
                    Bind(stage=goal.stage(waits_for), source="/etc/debian_version", target=WAITS),
                    Cache(id=f"{name}-ccache-{key}", target=CCACHE),
                    Cache(id=f"{name}-{variant}-{key}", target=TREE),
                    Tmpfs(target="/tmp"),
                    *steps.object_cache(recipe),
                ),
            ),
        ),
    )


def _script(recipe: Recipe) -> str:
    """What the compile step runs: the build hook, then what makes its files small."""
    keep = f"PDBUILD_SYMBOLS={SYMBOLS} " if recipe.package and recipe.package.debug_symbols else ""
    return f"({build_script(recipe, HOOKS)}); {keep}bash {HOOKS}/strip"


def _binaries(recipe: Recipe, variant: str, goal: Goal) -> Stage:
    """The installed files of one variant, as they leave the build."""
    built = goal.stage(f"build-{variant}")
    return Stage(
        name=goal.stage(f"binaries-{variant}"),
        base="scratch",
        comment=f"Binaries of {variant}.",
        instructions=(
            *after_checks(recipe),
            Copy(stage=built, source=f"{OUTPUT}{recipe.build.prefix}/", target="/"),
        ),
    )
