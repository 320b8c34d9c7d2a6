"""The development image: the tools, and what the hook `develop` must know of the recipe.

The hook knows no option by name: what it reads are the words that are recorded here. The
image does not change with the source or its version.
"""

from collections.abc import Iterator, Sequence

from pdbuild.attempts import without_logs
from pdbuild.plan import steps
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import (
    Bind,
    Comment,
    Copy,
    Entrypoint,
    Env,
    Instruction,
    Run,
    Stage,
    Workdir,
)
from pdbuild.plan.options import absent_on, elsewhere
from pdbuild.plan.stages import base_image
from pdbuild.plan.toolchain import checked, workshop
from pdbuild.plan.types import LEFT_OUT, Form, Request, Target
from pdbuild.plan.words import build_script
from pdbuild.recipe.types import Recipe
from pdbuild.targets import deb, dockerfile
from pdbuild.targets.image import runtime
from pdbuild.targets.kind import Kind
from pdbuild.version import patterns

HOOKS = "/usr/lib/pdbuild/hooks"


class Dev(Kind):
    """The one image that every recipe has."""

    name = "dev"

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """The tools do not change with the source, so neither may the image."""
        labels = {
            "org.opencontainers.image.title": f"{recipe.project.name} development image",
            "org.opencontainers.image.base.name": base_image(recipe),
        }
        if recipe.left_out:
            reasons = without_logs(recipe.left_out)
            labels[LEFT_OUT] = " ".join(sorted(recipe.left_out))
            labels |= {f"{LEFT_OUT}.{name}": why for name, why in reasons.items()}
        yield Target(
            name="dev",
            stage="dev",
            kind=self.name,
            form=Form.IMAGE,
            description="the development image",
            tags=(f"localhost/{recipe.project.name}:dev",),
            labels=labels,
            says_definition=True,
        )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """The root file system that build/Dockerfile starts from, and the image."""
        if recipe.image:
            yield from runtime(recipe, recipe.image, goal)
        yield _dev(recipe, goal)


def _dev(recipe: Recipe, goal: Goal) -> Stage:
    """The stage `dev`: started with no command, it builds the project mounted at /NAME."""
    mounts = (*steps.shipped("record"), *checked(recipe))
    if recipe.image:
        mounts = (*mounts, Bind(stage="runtime", source="/", target="/rootfs"))
    recorded = _recorded(recipe, goal.platform.name)
    environment = [Env(name=k, value=v) for k, v in steps.build_environment(recipe).items()]
    left_out = [Comment(text=f"{n}: left out, as it is not at hand.") for n in recipe.left_out]
    instructions: tuple[Instruction, ...] = (
        *left_out,
        *environment,
        Run(argv=("bash", f"{steps.HOOKS}/record", *recorded), mounts=mounts),
        Copy(stage="hooks", source="/", target=f"{HOOKS}/"),
        Workdir(path=f"/{recipe.project.name}"),
        Entrypoint(argv=("bash", f"{HOOKS}/develop")),
    )
    return Stage(
        name="dev",
        base=workshop(recipe),
        comment=f"The development image: the tools, and no source. It builds what is mounted at "
        f"/{recipe.project.name}.",
        instructions=instructions,
    )


def _recorded(recipe: Recipe, platform: str) -> Iterator[str]:
    """The words of each file that the hook reads, behind `@FILE`; the image is for `platform`."""
    nothing = elsewhere(recipe, platform)
    yield "@project"
    yield f"name={recipe.project.name}"
    yield f"source={recipe.source}"
    yield f"version={recipe.project.version}"
    yield f"tags={' '.join(patterns(recipe.project.name, recipe.project.tag))}"
    yield f"prefix={recipe.build.prefix}"
    yield f"symbols={'ON' if recipe.package and recipe.package.debug_symbols else 'OFF'}"
    yield "@options"
    for name, option in recipe.options.items():
        # People may know it by the name that CMake has for it.
        alias = option.cmake if isinstance(option.cmake, str) else ""
        default = nothing.get(name, option.default)
        yield " ".join((name, default, alias or "-", *option.values))
    yield "@variants"
    yield from _variants(recipe, platform)
    yield "@build"
    yield build_script(recipe, '"$hooks"')
    yield from _packages(recipe)
    if recipe.image:
        yield "@Dockerfile"
        yield from dockerfile.render(recipe, recipe.image, "@VERSION@").splitlines()
        yield "@Dockerfile.dockerignore"
        yield from dockerfile.render_ignored(recipe).splitlines()


def _variants(recipe: Recipe, platform: str) -> Iterator[str]:
    """Each variant with the options that define it, the most closely defined first."""
    nothing, absent = elsewhere(recipe, platform), absent_on(recipe, platform)
    variants = sorted(recipe.variants.items(), key=lambda item: -len(item[1].options))
    for name, variant in variants:
        if name not in absent:
            defined = (f"{k}={v}" for k, v in variant.options.items() if k not in nothing)
            yield " ".join((name, *defined))


def _packages(recipe: Recipe) -> Iterator[str]:
    """What all packages have in common, then what each has besides."""
    if recipe.package is None:
        return
    names, package = deb.package_names(recipe), recipe.package
    fields = {v: deb.package_fields(recipe, v, package, names) for v in recipe.variants}
    shared = set[str].intersection(*map(set, fields.values()))
    common = [field for field in fields[recipe.default_variant] if field in shared]
    yield "@package"
    yield from common
    for variant, words in fields.items():
        yield f"@package-{variant}"
        yield from (word for word in words if word not in shared)
