"""Lowers documentation and code browser to stages: each makes pages, and hands out them alone."""

from pdbuild.plan.instructions import Arg, Bind, Copy, Run, Stage, Tmpfs
from pdbuild.plan.options import options_of
from pdbuild.plan.steps import (
    HOOKS,
    OUTPUT,
    SOURCE,
    hook_arguments,
    hook_mounts,
    hook_name,
    inside,
    strict,
)
from pdbuild.recipe.types import Recipe


def docs_build(recipe: Recipe) -> Stage:
    """The pages, made from the source and the default variant's installed files."""
    assert recipe.docs
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
                    f"{HOOKS}/{hook_name(recipe.docs.hook)}",
                    f"{SOURCE}/{recipe.docs.source}",
                ),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    Bind(stage=f"build-{variant}", source=OUTPUT, target=OUTPUT),
                    *hook_mounts(recipe, recipe.docs.hook),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def docs() -> Stage:
    """The pages alone."""
    return Stage(
        name="docs",
        base="scratch",
        comment="The pages.",
        instructions=(Copy(stage="docs-build", source="/html/", target="/"),),
    )


def generator(recipe: Recipe) -> str:
    """The block that makes the pages of the source: the first that was not left out, or ""."""
    here = {block.name for block in recipe.blocks}
    wanted = recipe.browse.generator if recipe.browse else ()
    return next((name for name in wanted if name in here), "")


def browse_build(recipe: Recipe) -> Stage:
    """The source as pages. Nothing is compiled: generators read it as a compiler does."""
    assert recipe.browse
    hook = recipe.browse.hook
    words = (recipe.project.name, generator(recipe), *hook_arguments(recipe))
    script = " ".join(["exec", "bash", f"{HOOKS}/{hook_name(hook)}", *words])
    options = options_of(recipe, recipe.default_variant)
    return Stage(
        name="browse-build",
        base="compile",
        comment=f"The source as pages made by {generator(recipe)}, with the options of "
        f"{recipe.default_variant}.",
        instructions=(
            Arg(name="VERSION", default="0.0.0"),
            *(Arg(name=option, default=value) for option, value in options.items()),
            Run(
                argv=strict(script),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    *hook_mounts(recipe, hook),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def browse() -> Stage:
    """The pages of the source alone."""
    return Stage(
        name="browse",
        base="scratch",
        comment="The pages of the source.",
        instructions=(Copy(stage="browse-build", source="/html/", target="/"),),
    )
