"""Packages: each variant as Debian binary packages in `build/`."""

from collections.abc import Iterator, Sequence

from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Arg, Bind, Copy, Env, Run, Stage, Tmpfs
from pdbuild.plan.options import elsewhere
from pdbuild.plan.steps import HOOKS, OUTPUT, SYMBOLS, shipped, source_args
from pdbuild.plan.toolchain import checked
from pdbuild.plan.types import Request, Target
from pdbuild.recipe.claims import instead, needs
from pdbuild.recipe.tools import shown
from pdbuild.recipe.types import Package, Recipe
from pdbuild.targets.kind import Kind


class Deb(Kind):
    """The packages of a recipe with a `[package]`."""

    name = "deb"
    group = "debs"
    everywhere = True

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """One of each variant."""
        for variant in variants if recipe.package else ():
            yield Target(
                name=goal.target(f"deb-{variant}"),
                stage=goal.stage(f"deb-{variant}"),
                kind=self.name,
                description=f"Debian packages of {variant}",
                variant=variant,
                args=source_args(recipe, request, goal),
                destination=goal.below("build"),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """What packing has in common, each variant packed, and the package files alone."""
        if recipe.package is None:
            return
        if len(recipe.variants) > 1:
            yield _packing(recipe, goal)
        for variant in variants:
            made = _package(recipe, variant, recipe.package, goal)
            yield made
            yield Stage(
                name=goal.stage(f"deb-{variant}"),
                base="scratch",
                comment=f"Package files of {variant}.",
                instructions=(Copy(stage=made.name, source="/deb/", target="/"),),
            )

    def named(self, files: Sequence[str]) -> tuple[str, ...]:
        """The packages, but for those of debug symbols, which stand beside them."""
        return tuple(file for file in files if "-dbgsym-" not in file)

    def where(self, target: Target, files: Sequence[str]) -> str:
        """The packages."""
        return ", ".join(self.named(files))


def package_name(recipe: Recipe, variant: str) -> str:
    """The Debian binary package of a variant; the default one has no suffix."""
    name = recipe.project.name
    return name if variant == recipe.default_variant else f"{name}-{variant}"


def package_names(recipe: Recipe) -> tuple[str, ...]:
    """The packages of all variants, in order of their names."""
    default, name = recipe.default_variant, recipe.project.name
    return tuple(sorted(name if v == default else f"{name}-{v}" for v in recipe.variants))


def package_fields(
    recipe: Recipe,
    variant: str,
    described: Package,
    names: tuple[str, ...],
    platform: str = "",
) -> tuple[str, ...]:
    """The arguments of the hook that packs a variant: `--field=value`.

    `names` are the packages of all variants, () when the hook is told of them otherwise.
    """
    nothing = elsewhere(recipe, platform)
    name = package_name(recipe, variant)
    synopsis, _, long = described.description.strip().partition("\n")
    chosen = recipe.variants[variant].options.items()
    options = ", ".join(f"{shown(k)}={v}" for k, v in chosen if k not in nothing)
    wanted = needs(recipe, variant) if platform in ("", "linux/amd64") else ()
    other = instead(recipe, variant)
    note = f"This is the variant {variant}" + (f" ({options})." if options else ".")
    fields = {
        "package": name,
        "source": recipe.project.name,
        "maintainer": described.maintainer,
        "section": described.section,
        "homepage": recipe.project.homepage,
        "license": described.license,
        "depends": ", ".join(described.depends),
        "recommends": ", ".join(described.recommends),
        "provides": "" if name == recipe.project.name else recipe.project.name,
        "conflicts": _conflicts(names),
        "synopsis": synopsis.strip()
        + ("" if variant == recipe.default_variant else f" ({variant})"),
        "description": long.strip(),
        "note": note,
        "split": " ".join(described.split),
        "needs": " ".join(wanted),
        "instead": package_name(recipe, other) if wanted and other else "",
    }
    return tuple(f"--{key}={value}" for key, value in fields.items() if value)


def _conflicts(names: tuple[str, ...]) -> str:
    """What each of these packages conflicts with, "" for one alone.

    Its own name is among them, which the hook leaves out: so the list is there once for all.
    """
    return ", ".join(names) if len(names) > 1 else ""


def _packing(recipe: Recipe, goal: Goal) -> Stage:
    """The packages of all variants, which each of them conflicts with."""
    return Stage(
        name=goal.stage("packing"),
        base=goal.stage("toolchain"),
        comment="What packing has in common: of these packages, one can be installed.",
        instructions=(Env(name="PDBUILD_CONFLICTS", value=_conflicts(package_names(recipe))),),
    )


def _package(recipe: Recipe, variant: str, described: Package, goal: Goal) -> Stage:
    """One variant packed as Debian binary packages in /deb."""
    folders = (OUTPUT, SYMBOLS) if described.debug_symbols else (OUTPUT,)
    fields = package_fields(recipe, variant, described, (), goal.platform.name)
    built = goal.stage(f"build-{variant}")
    meant = f" for {goal.platform.name}" if goal.crossing else ""
    return Stage(
        name=goal.stage(f"package-{variant}"),
        base=goal.stage("packing" if len(recipe.variants) > 1 else "toolchain"),
        comment=f"The Debian package {package_name(recipe, variant)}{meant}.",
        instructions=(
            Arg(name="VERSION", default="0.0.0"),
            Arg(name="SOURCE_DATE_EPOCH", default="0"),
            Run(
                argv=("bash", f"{HOOKS}/package", *fields),
                mounts=(
                    *(Bind(stage=built, source=f, target=f) for f in folders),
                    *checked(recipe),
                    *shipped("package"),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )
