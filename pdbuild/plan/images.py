"""Lowers `[image]` to stages: a runtime that all variants share, and what each adds to it."""

from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Instruction,
    Run,
    Stage,
    Tmpfs,
    Workdir,
)
from pdbuild.plan.steps import HOOKS, OUTPUT, apt_install, shipped
from pdbuild.recipe.types import Recipe


def runtime_build(recipe: Recipe) -> Stage:
    """A root file system of just what the production images need."""
    assert recipe.image
    return Stage(
        name="runtime-build",
        base="base",
        comment="The root file system of the production images: these packages, what they "
        "depend on, and no more.",
        instructions=(
            Arg(name="TARGETARCH"),
            apt_install(recipe, "runtime", recipe.image.packages),
        ),
    )


def runtime() -> Stage:
    """That root file system as an image of one layer, which all variants share."""
    return Stage(
        name="runtime",
        base="scratch",
        comment="One layer, which the images of all variants share.",
        instructions=(Copy(stage="runtime-build", source="/rootfs/", target="/"),),
    )


def content(recipe: Recipe, variant: str) -> Stage:
    """What a variant adds to the runtime, in /image; checks that the runtime suffices."""
    source = (
        Bind(stage=f"package-{variant}", source="/deb", target="/deb")
        if recipe.package
        else Bind(stage=f"build-{variant}", source=OUTPUT, target=OUTPUT)
    )
    return Stage(
        name=f"content-{variant}",
        base="base",
        comment=f"What {variant} adds to it. The runtime must satisfy its dependencies.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/image"),
                mounts=(
                    source,
                    Bind(stage="runtime", source="/", target="/rootfs"),
                    *shipped("image"),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def production(recipe: Recipe) -> Stage:
    """How the production images run, whatever the variant."""
    return Stage(
        name="production",
        base="runtime",
        comment="How a production image runs.",
        instructions=image_config(recipe),
    )


def image(variant: str) -> Stage:
    """The production image of a variant."""
    return Stage(
        name=f"image-{variant}",
        base="production",
        comment=f"The production image of {variant}.",
        instructions=(Copy(stage=f"content-{variant}", source="/image/", target="/"),),
    )


def image_config(recipe: Recipe) -> tuple[Instruction, ...]:
    """The instructions that say how a production image runs."""
    assert recipe.image
    config: list[Instruction] = [
        Env(name="PATH", value="/usr/local/bin:/usr/bin:/usr/sbin"),
        Env(name="LANG", value="C.UTF-8"),
    ]
    config.extend(Env(name=k, value=v) for k, v in recipe.image.environment.items())
    config.append(Workdir(path=recipe.image.workdir))
    if recipe.image.expose:
        config.append(Expose(ports=recipe.image.expose))
    if recipe.image.entrypoint:
        config.append(Entrypoint(argv=("/usr/lib/pdbuild/entrypoint",)))
    if recipe.image.command:
        config.append(Cmd(argv=recipe.image.command))
    return tuple(config)
