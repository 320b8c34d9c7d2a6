"""Production images: a runtime that all variants share, and what each adds to it."""

import dataclasses
import time
from collections.abc import Iterator, Sequence

from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import (
    Bind,
    Cache,
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
from pdbuild.plan.stages import base_image
from pdbuild.plan.steps import (
    HOOKS,
    NETWORK,
    OUTPUT,
    apt_install,
    cache_key,
    made_for,
    shipped,
    source_args,
    strict,
)
from pdbuild.plan.toolchain import PYTHON, checked
from pdbuild.plan.types import TITLE, VARIANT, Form, Request, Target
from pdbuild.recipe.tables.image import Image as Table
from pdbuild.recipe.types import Recipe
from pdbuild.targets.kind import Kind

_PIP = "pip"


class Image(Kind):
    """The images of a recipe with an `[image]`."""

    name = "image"
    group = "images"
    everywhere = True

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """One of each variant."""
        name, version = recipe.project.name, request.version.tag
        for variant in variants if recipe.image else ():
            suffix = "" if variant == recipe.default_variant else f"-{variant}"
            yield Target(
                name=goal.target(f"image-{variant}"),
                stage=goal.stage(f"image-{variant}"),
                kind=self.name,
                form=Form.IMAGE,
                description=f"production image of {variant}",
                variant=variant,
                tags=(f"localhost/{name}:{version}{suffix}",),
                labels=labels(recipe, request, name, variant),
                args=source_args(recipe, request, goal),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """The runtime, how an image runs, and then what each variant adds."""
        if recipe.image is None:
            return
        yield from runtime(recipe, recipe.image, goal)
        yield _production(recipe.image, goal)
        for variant in variants:
            yield _depends(recipe, variant, goal)
            yield _additions(recipe, variant, goal)
            yield _content(recipe, variant, goal)
            yield _image(variant, goal)


def runtime(recipe: Recipe, image: Table, goal: Goal) -> Iterator[Stage]:
    """A root file system of what the recipe names for the production images, as one layer."""
    named = [*map(_relation, image.packages), *(recipe.package.depends if recipe.package else ())]
    install = apt_install("runtime", dict.fromkeys(("libc6", *named)), cache_key(recipe, goal))
    if image.pip:
        yield _pip()
        pip = Bind(stage=_PIP, source="/pip", target="/run/pip")
        install = dataclasses.replace(install, mounts=(pip, *install.mounts))
    yield Stage(
        name=goal.stage("runtime-build"),
        base=goal.stage("base"),
        comment="The root file system of the production images: these packages, what they "
        "depend on, and no more.",
        instructions=(*made_for(goal), install),
    )
    yield Stage(
        name=goal.stage("runtime"),
        base="scratch",
        comment="One layer, which the images of all variants share.",
        instructions=(Copy(stage=goal.stage("runtime-build"), source="/rootfs/", target="/"),),
    )


def _pip() -> Stage:
    """The pip of the production images. It is Python alone, so one serves all platforms."""
    return Stage(
        name=_PIP,
        base=PYTHON,
        comment="pip as one file, for those who install more on top of a production image.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/pip-wheel"),
                mounts=(
                    Cache(id="pdbuild-pip", target="/root/.cache/pip"),
                    *shipped("pip-wheel"),
                    *NETWORK,
                ),
            ),
        ),
    )


def _relation(package: str) -> str:
    """A Debian package as apt's command line names it, as it is named in Depends."""
    name, _, version = package.partition("=")
    return f"{name} (= {version})" if version else name


def _made(recipe: Recipe, variant: str, goal: Goal) -> tuple[Bind, ...]:
    """What of a variant goes into its image: the packages, or else the installed files."""
    if recipe.package:
        return (Bind(stage=goal.stage(f"package-{variant}"), source="/deb", target="/deb"),)
    built = goal.stage(f"build-{variant}")
    return (Bind(stage=built, source=OUTPUT, target=OUTPUT), *checked(recipe))


def _depends(recipe: Recipe, variant: str, goal: Goal) -> Stage:
    """A text alone: as long as it stays the same, what follows from it is found in the cache."""
    script = f"mkdir /depends; exec bash {HOOKS}/depends >/depends/relations"
    return Stage(
        name=goal.stage(f"depends-{variant}"),
        # Without a package, the tools say what programs are linked with.
        base=goal.stage("base" if recipe.package else "compile"),
        comment=f"What {variant} depends on.",
        instructions=(
            Run(
                argv=strict(script),
                mounts=(*_made(recipe, variant, goal), *shipped("depends"), Tmpfs(target="/tmp")),
            ),
        ),
    )


def _additions(recipe: Recipe, variant: str, goal: Goal) -> Stage:
    step = apt_install("runtime", (), cache_key(recipe, goal))
    depends = goal.stage(f"depends-{variant}")
    mounts = (
        Bind(stage=depends, source="/depends", target="/run/depends"),
        Bind(stage=goal.stage("runtime"), source="/", target="/run/runtime"),
    )
    return Stage(
        name=goal.stage(f"additions-{variant}"),
        base=goal.stage("base"),
        comment="What of that the runtime lacks.",
        instructions=(
            *made_for(goal),
            dataclasses.replace(step, mounts=(*mounts, *step.mounts)),
        ),
    )


def _content(recipe: Recipe, variant: str, goal: Goal) -> Stage:
    """What a variant adds to the runtime, in /image; checks that the runtime suffices."""
    additions = goal.stage(f"additions-{variant}")
    return Stage(
        name=goal.stage(f"content-{variant}"),
        base=goal.stage("base"),
        comment=f"What {variant} adds to both, which must satisfy its dependencies.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/image"),
                mounts=(
                    *_made(recipe, variant, goal),
                    Bind(stage=additions, source="/rootfs", target="/rootfs"),
                    *shipped("image"),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def _production(image: Table, goal: Goal) -> Stage:
    """How the production images run, whatever the variant."""
    return Stage(
        name=goal.stage("production"),
        base=goal.stage("runtime"),
        comment="How a production image runs.",
        instructions=image_config(image),
    )


def _image(variant: str, goal: Goal) -> Stage:
    """The production image of a variant."""
    meant = f" for {goal.platform.name}" if goal.crossing else ""
    return Stage(
        name=goal.stage(f"image-{variant}"),
        base=goal.stage("production"),
        comment=f"The production image of {variant}{meant}.",
        instructions=(
            Copy(stage=goal.stage(f"additions-{variant}"), source="/rootfs/", target="/"),
            Copy(stage=goal.stage(f"content-{variant}"), source="/image/", target="/"),
        ),
    )


def image_config(image: Table) -> tuple[Instruction, ...]:
    """The instructions that say how a production image runs."""
    config: list[Instruction] = [
        Env(name="PATH", value="/usr/local/bin:/usr/bin:/usr/sbin"),
        Env(name="LANG", value="C.UTF-8"),
    ]
    if image.pip:
        # Debian's Python refuses to have anything beside apt's packages, which is no matter here.
        config.append(Env(name="PIP_BREAK_SYSTEM_PACKAGES", value="1"))
        config.append(Env(name="PIP_ROOT_USER_ACTION", value="ignore"))
    config.extend(Env(name=k, value=v) for k, v in image.environment.items())
    config.append(Workdir(path=image.workdir))
    if image.expose:
        config.append(Expose(ports=image.expose))
    if image.entrypoint:
        config.append(Entrypoint(argv=("/usr/lib/pdbuild/entrypoint",)))
    if image.command:
        config.append(Cmd(argv=image.command))
    return tuple(config)


def labels(recipe: Recipe, request: Request, title: str, variant: str) -> dict[str, str]:
    """Labels of the OCI image specification, annotations.md, and the variant."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(request.created))
    found = {
        TITLE: title,
        "org.opencontainers.image.version": request.version.text,
        "org.opencontainers.image.revision": request.revision,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.source": recipe.project.homepage or request.source_url,
        "org.opencontainers.image.base.name": base_image(recipe),
    }
    return {key: value for key, value in found.items() if value} | {VARIANT: variant}
