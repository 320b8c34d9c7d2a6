"""Binaries: a variant compiled, and its installed files in `build/VARIANT`."""

from collections.abc import Iterator, Sequence

from pdbuild.plan import steps
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

    def targets(self, recipe: Recipe, request: Request) -> Iterator[Target]:
        """One of each variant."""
        for variant in recipe.variants:
            yield Target(
                name=f"binaries-{variant}",
                stage=f"binaries-{variant}",
                kind=self.name,
                description=f"binaries and libraries of {variant}",
                variant=variant,
                args=source_args(request),
                destination=f"build/{variant}",
            )

    def stages(self, recipe: Recipe, variants: Sequence[str]) -> Iterator[Stage]:
        """What compiling has in common, then each variant compiled, then the files alone."""
        yield _compile_base(recipe)
        script = _script(recipe)
        for variant in variants:
            yield _build(recipe, variant, script, first=variants[0])
        for variant in variants:
            yield _binaries(recipe, variant)


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


def _compile_base(recipe: Recipe) -> Stage:
    return Stage(
        name="compile",
        base="toolchain",
        comment="What compiling has in common, whatever the variant.",
        instructions=compile_environment(recipe),
    )


def _build(recipe: Recipe, variant: str, script: str, *, first: str) -> Stage:
    """One variant compiled and installed into /out; waits for the variant `first`."""
    name = recipe.project.name
    options = options_of(recipe, variant)
    waits_for = "compile" if variant == first else f"build-{first}"
    return Stage(
        name=f"build-{variant}",
        base="compile",
        comment=f"Variant {variant}, compiled and installed into {OUTPUT}."
        + ("" if variant == first else f" It waits for {first}, whose objects it finds in ccache."),
        instructions=(
            Arg(name="TARGETARCH"),
            Arg(name="VERSION", default="0.0.0"),
            *(Arg(name=option, default=value) for option, value in options.items()),
            Run(
                argv=strict(script),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    *shipped(build_hook(recipe)),
                    # The content of this file never changes, so waiting costs no cache.
                    Bind(stage=waits_for, source="/etc/debian_version", target=WAITS),
                    Cache(id=f"{name}-ccache-{cache_key(recipe)}", target=CCACHE),
                    Cache(id=f"{name}-{variant}-{cache_key(recipe)}", target=TREE),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def _script(recipe: Recipe) -> str:
    """What the compile step runs: the build hook, then what makes its files small."""
    keep = f"PDBUILD_SYMBOLS={SYMBOLS} " if recipe.package and recipe.package.debug_symbols else ""
    return f"({build_script(recipe, HOOKS)}); {keep}bash {HOOKS}/strip"


def _binaries(recipe: Recipe, variant: str) -> Stage:
    """The installed files of one variant, as they leave the build."""
    return Stage(
        name=f"binaries-{variant}",
        base="scratch",
        comment=f"Binaries of {variant}.",
        instructions=(
            *after_checks(recipe),
            Copy(stage=f"build-{variant}", source=f"{OUTPUT}{recipe.build.prefix}/", target="/"),
        ),
    )
