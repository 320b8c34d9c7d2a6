"""Resolves a recipe and a request to a plan."""

import difflib
import hashlib
import time
from collections.abc import Collection, Iterable

from pdbuild.errors import UsageError
from pdbuild.plan import develop, images, pages, stages
from pdbuild.plan.instructions import Stage
from pdbuild.plan.options import check_settings
from pdbuild.plan.types import GENERATOR, VARIANT, Kind, Plan, Request, Target
from pdbuild.recipe.names import platform_problem
from pdbuild.recipe.types import Recipe
from pdbuild.render import containerfile

#: The label of the dev image that says what it is made of.
DEFINITION = "org.pdbuild.definition"


def make(recipe: Recipe, request: Request) -> Plan:
    """The plan of what `request` asks for of `recipe`.

    Raises UsageError for a target, variant, option or value that the recipe does not have,
    and for a `--set` that contradicts a variant.
    """
    variants = _variants(recipe, request.variants)
    platforms = _platforms(request.platforms) or recipe.project.platforms
    several = len(platforms) > 1
    available = {target.name: target for target in _targets(recipe, request, several=several)}
    groups = _groups(recipe, available)
    asked = request.targets or ("all",)
    _check_browse(recipe, asked)
    names: set[str] = set()
    for name in asked:
        for member in _members(name, available, groups):
            target = available[member]
            if name in available or not target.variant or target.variant in variants:
                names.add(member)
    if not names:
        raise UsageError(f"nothing of {', '.join(asked)} is in the variants asked for")
    # In the recipe's order, whatever the order of asking: the same things are the same text.
    wanted = tuple(target for name, target in available.items() if name in names)
    check_settings(recipe, request.settings, _variants_of(recipe, wanted))
    return Plan(
        project=recipe.project.name,
        version=request.version,
        root=recipe.root,
        base=stages.base_image(recipe),
        platforms=platforms,
        stages=_needed(_stages(recipe, wanted), {target.stage for target in wanted}),
        targets=wanted,
        groups={
            name: kept
            for name, members in groups.items()
            if name in asked and (kept := tuple(m for m in members if m in names))
        },
        sources=tuple(block for block in recipe.blocks if block.source),
        left_out=dict(recipe.left_out),
    )


def _variants(recipe: Recipe, asked: tuple[str, ...]) -> tuple[str, ...]:
    for name in asked:
        if name not in recipe.variants:
            raise UsageError(f"no variant {name!r}", hint=_choices(name, recipe.variants))
    return asked or tuple(recipe.variants)


def _platforms(asked: tuple[str, ...]) -> tuple[str, ...]:
    for platform in asked:
        problem, hint = platform_problem(platform)
        if problem:
            raise UsageError(f"--platform: {problem}", hint=hint)
    return tuple(dict.fromkeys(asked))


def _variants_of(recipe: Recipe, targets: Collection[Target]) -> tuple[str, ...]:
    """The variants that targets are made of, in the recipe's order."""
    needed = {target.variant for target in targets}
    if any(target.kind is Kind.DOCS for target in targets):
        needed.add(recipe.default_variant)
    return tuple(variant for variant in recipe.variants if variant in needed)


def _targets(recipe: Recipe, request: Request, *, several: bool) -> Iterable[Target]:
    """Every target that the recipe offers, in the order in which people think of them.

    `several` says that it is for more than one platform.
    """
    name, version = recipe.project.name, request.version
    args = {"SOURCE_DATE_EPOCH": str(request.created), "VERSION": version}
    args |= dict(sorted(request.settings.items()))
    yield Target(
        name="dev",
        stage="dev",
        kind=Kind.DEV,
        description="the development image",
        tags=(f"localhost/{name}:dev",),
        labels=_dev_labels(recipe),
    )
    for variant in recipe.variants:
        yield Target(
            name=f"binaries-{variant}",
            stage=f"binaries-{variant}",
            kind=Kind.BINARIES,
            description=f"binaries and libraries of {variant}",
            variant=variant,
            args=args,
            destination=f"build/{variant}",
        )
    for variant in recipe.variants if recipe.package else ():
        yield Target(
            name=f"deb-{variant}",
            stage=f"deb-{variant}",
            kind=Kind.DEB,
            description=f"Debian package of {variant}",
            variant=variant,
            args=args,
            destination="build",
        )
    for variant in recipe.variants if recipe.image else ():
        suffix = "" if variant == recipe.default_variant else f"-{variant}"
        yield Target(
            name=f"image-{variant}",
            stage=f"image-{variant}",
            kind=Kind.IMAGE,
            description=f"production image of {variant}",
            variant=variant,
            tags=(f"localhost/{name}:{version}{suffix}",),
            labels=_labels(recipe, request, name) | {VARIANT: variant},
            args=args,
        )
    if recipe.docs:
        yield Target(
            name="docs",
            stage="docs",
            kind=Kind.DOCS,
            description="the documentation",
            args=args,
            destination="build/docs",
        )
    if pages.generator(recipe):
        yield Target(
            name="browse",
            stage="browse",
            kind=Kind.BROWSE,
            description="the source as pages",
            labels={GENERATOR: pages.generator(recipe)},
            args=args,
            destination="build/browse",
        )
    if recipe.image and not several:
        yield Target(
            name="rootfs",
            stage="runtime",
            kind=Kind.ROOTFS,
            description="the root file system that build/Dockerfile starts from",
            destination="build/rootfs.tar",
        )


def _groups(recipe: Recipe, available: dict[str, Target]) -> dict[str, tuple[str, ...]]:
    def of(*kinds: Kind) -> tuple[str, ...]:
        return tuple(name for name, target in available.items() if target.kind in kinds)

    groups = {
        "binaries": of(Kind.BINARIES),
        "debs": of(Kind.DEB),
        "images": of(Kind.IMAGE),
        "all": tuple(available),
    }
    groups |= {f"build-{variant}": (f"binaries-{variant}",) for variant in recipe.variants}
    return {name: members for name, members in groups.items() if members}


def _check_browse(recipe: Recipe, asked: Iterable[str]) -> None:
    """Raise UsageError when every block that could make the pages of the source was left out."""
    if "browse" in asked and recipe.browse and not pages.generator(recipe):
        reasons = [f"{n}: {why}" for n, why in recipe.left_out.items()]
        raise UsageError(
            f"browse: no generator is at hand ({'; '.join(reasons)})",
            hint='name "doxygen" in [browse].generator and [toolchain].blocks',
        )


def _members(
    name: str, available: dict[str, Target], groups: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if name in groups:
        return groups[name]
    if name in available:
        return (name,)
    raise UsageError(f"no target or group {name!r}", hint=_choices(name, [*groups, *available]))


def _stages(recipe: Recipe, wanted: Collection[Target]) -> list[Stage]:
    """Stages for the variants that are needed, each after what it needs, `dev` last."""
    variants = list(_variants_of(recipe, wanted))
    first = recipe.build.first if recipe.build.first in variants else (variants or [""])[0]
    variants.sort(key=lambda variant: variant != first)
    made = [
        stages.base(recipe),
        stages.hooks(),
        stages.toolchain(recipe),
        stages.compile_base(recipe),
    ]
    made.extend(stages.build(recipe, variant, first) for variant in variants)
    made.extend(stages.binaries(recipe, variant) for variant in variants)
    if recipe.package:
        for variant in variants:
            made.extend((stages.package(recipe, variant, recipe.package), stages.deb(variant)))
    if recipe.docs:
        made.extend((pages.docs_build(recipe), pages.docs()))
    if pages.generator(recipe):
        made.extend((pages.browse_build(recipe), pages.browse()))
    if recipe.image:
        made.extend((images.runtime_build(recipe), images.runtime(), images.production(recipe)))
        for variant in variants:
            made.extend((images.content(recipe, variant), images.image(variant)))
    made.append(develop.stage(recipe))
    return made


def _needed(all_stages: list[Stage], wanted: Iterable[str]) -> tuple[Stage, ...]:
    """Only the stages that the named ones are built from, in the given order."""
    needed = set(wanted)
    for stage in reversed(all_stages):
        if stage.name in needed:
            needed.update(stage.needs)
    return tuple(stage for stage in all_stages if stage.name in needed)


def _labels(recipe: Recipe, request: Request, title: str) -> dict[str, str]:
    """Labels of the OCI image specification, annotations.md."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(request.created))
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": request.version,
        "org.opencontainers.image.revision": request.revision,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.source": recipe.project.homepage or request.source_url,
        "org.opencontainers.image.base.name": stages.base_image(recipe),
    }
    return {key: value for key, value in labels.items() if value}


def _dev_labels(recipe: Recipe) -> dict[str, str]:
    # The tools do not change with the source, so neither may the image.
    labels = {
        "org.opencontainers.image.title": f"{recipe.project.name} development image",
        "org.opencontainers.image.base.name": stages.base_image(recipe),
    }
    if recipe.left_out:
        labels["org.pdbuild.left-out"] = " ".join(sorted(recipe.left_out))
    # What the image is made of, so that one of an older recipe is known as such.
    made_of = _needed(_stages(recipe, ()), {"dev"})
    text = containerfile.render(made_of, heading="")
    labels[DEFINITION] = hashlib.sha256(text.encode()).hexdigest()
    return labels


def _choices(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
