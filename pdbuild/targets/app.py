"""Applications: images on top of the production images, or of one that is there already."""

import dataclasses
from collections.abc import Iterator, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import (
    Bind,
    Cache,
    Cmd,
    Copy,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Run,
    Stage,
    User,
    Workdir,
)
from pdbuild.plan.options import absent_on
from pdbuild.plan.steps import (
    HOOKS,
    NETWORK,
    apt_install,
    cache_key,
    inside,
    made_for,
    shipped,
    source_args,
    strict,
)
from pdbuild.plan.toolchain import PYTHON
from pdbuild.plan.types import Form, Request, Target
from pdbuild.recipe.types import App as Table
from pdbuild.recipe.types import Recipe
from pdbuild.targets.image import labels
from pdbuild.targets.kind import Kind

# Where the wheels' stage finds what is locked.
_LOCK = "/run/app.lock"
_WHEELS = "app-wheels"
_DEPENDS = "app-depends"


class App(Kind):
    """The images of a recipe with an `[app]`, for the machine that builds."""

    name = "app"
    group = "apps"

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """One on each variant of the image that it starts from."""
        app, version = recipe.app, request.version.tag
        for variant in _variants(recipe, variants, goal) if app else ():
            assert app
            suffix = "" if variant == recipe.default_variant else f"-{variant}"
            on = app.image or f"localhost/{recipe.project.name}:{version}{suffix}"
            yield Target(
                name=f"app-{variant}",
                stage=f"app-{variant}",
                kind=self.name,
                form=Form.IMAGE,
                description=f"{app.name}, on {on}",
                variant=variant,
                tags=(f"localhost/{app.name}:{version}{suffix}",),
                labels=labels(recipe, request, app.name, variant)
                | {"org.opencontainers.image.base.name": on},
                args=source_args(recipe, request, goal),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """What it has besides the image, which is the same for all, then it on each variant."""
        app = recipe.app
        if app is None:
            return
        if app.requirements:
            yield _wheels(recipe, app)
        if app.packages:
            yield _depends(app)
        for variant in _variants(recipe, variants, goal):
            if app.packages:
                yield _additions(recipe, app, variant, goal)
            yield _app(recipe, app, variant)

    def fits(self, recipe: Recipe) -> bool:
        """Any recipe can have one."""
        return True

    def refusal(self, recipe: Recipe) -> UsageError | None:
        """No recipe has one without saying so."""
        if recipe.app:
            return None
        return UsageError(f"{recipe.file} has no [app]", hint="see docs/applications.md")


def _variants(recipe: Recipe, variants: Sequence[str], goal: Goal) -> tuple[str, ...]:
    """Those of the `variants` that it is made on."""
    absent = absent_on(recipe, goal.platform.name)
    chosen = recipe.app.variants if recipe.app else ()
    return tuple(v for v in variants if v not in absent and v in (chosen or variants))


def _image(app: Table, variant: str) -> str:
    """What it starts from: a stage, or an image."""
    return app.image or f"image-{variant}"


def _wheels(recipe: Recipe, app: Table) -> Stage:
    return Stage(
        name=_WHEELS,
        base=PYTHON,
        comment=f"The Python packages of {app.name}: the files that {recipe.lock} names, and no "
        "others.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/app-wheels", app.python_of(recipe.base.suite), _LOCK),
                mounts=(
                    Cache(id="pdbuild-pip", target="/root/.cache/pip"),
                    Bind(source=recipe.lock, target=_LOCK),
                    *shipped("app-wheels"),
                    *NETWORK,
                ),
            ),
        ),
    )


def _depends(app: Table) -> Stage:
    """The Debian packages as the hook `runtime` reads them."""
    words = " ".join(f"'{name}'" for name in app.packages)
    return Stage(
        name=_DEPENDS,
        base="base",
        comment=f"The Debian packages of {app.name}.",
        instructions=(
            Run(argv=strict(f"mkdir /depends; printf '%s\\n' {words} >/depends/relations")),
        ),
    )


def _additions(recipe: Recipe, app: Table, variant: str, goal: Goal) -> Stage:
    step = apt_install("runtime", (), cache_key(recipe, goal))
    mounts = (
        Bind(stage=_DEPENDS, source="/depends", target="/run/depends"),
        Bind(stage=_image(app, variant), source="/", target="/run/runtime"),
    )
    return Stage(
        name=f"app-additions-{variant}",
        base="base",
        comment="What of them the image lacks, with all that they depend on.",
        instructions=(
            *made_for(goal),
            dataclasses.replace(step, mounts=(*mounts, *step.mounts)),
        ),
    )


def _app(recipe: Recipe, app: Table, variant: str) -> Stage:
    """The application on one variant; what changes most comes last."""
    instructions: list[Instruction] = []
    if app.packages:
        made = f"app-additions-{variant}"
        instructions.append(Copy(stage=made, source="/rootfs/", target="/"))
    if app.requirements:
        instructions.append(Copy(stage=_WHEELS, source="/wheels/", target="/"))
    instructions += (Env(name=name, value=value) for name, value in app.environment.items())
    instructions.append(Workdir(path=app.folder))
    if app.expose:
        instructions.append(Expose(ports=app.expose))
    if app.healthcheck:
        instructions.append(Healthcheck(argv=app.healthcheck))
    if app.command:
        instructions.append(Cmd(argv=app.command))
    for source, target in app.copies.items():
        instructions.append(Copy(source=inside(app.source, source) or ".", target=target))
    if app.user:
        instructions.append(User(name=app.user))
    return Stage(
        name=f"app-{variant}",
        base=_image(app, variant),
        comment=f"{app.name}." if app.image else f"{app.name} on {variant}.",
        instructions=tuple(instructions),
    )
