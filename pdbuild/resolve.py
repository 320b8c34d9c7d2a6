"""Resolves a recipe and a request to a plan."""

import dataclasses
import difflib
import hashlib
from collections.abc import Collection, Iterable

from pdbuild.errors import UsageError
from pdbuild.plan import making, stages, toolchain
from pdbuild.plan.instructions import Stage
from pdbuild.plan.options import check_settings
from pdbuild.plan.types import DEFINITION, Form, Plan, Request, Target
from pdbuild.recipe.names import platform_problem
from pdbuild.recipe.types import Recipe
from pdbuild.targets import KINDS


def resolve(recipe: Recipe, request: Request) -> Plan:
    """The plan of what `request` asks for of `recipe`.

    Raises UsageError for a target, variant, option or value that the recipe does not have,
    and for a `--set` that contradicts a variant.
    """
    variants = _variants(recipe, request.variants)
    platforms = _platforms(request.platforms) or recipe.project.platforms
    request = dataclasses.replace(request, platforms=platforms)
    available = _available(recipe, request)
    groups = _groups(recipe, available)
    asked = request.targets or ("all",)
    names: set[str] = set()
    for name in asked:
        for member in _members(name, recipe, available, groups):
            target = available[member]
            if name in available or not target.variant or target.variant in variants:
                names.add(member)
    if not names:
        raise UsageError(f"nothing of {', '.join(asked)} is in the variants asked for")
    # In the recipe's order, whatever the order of asking: the same things are the same text.
    wanted = tuple(target for name, target in available.items() if name in names)
    needed = _variants_of(recipe, wanted)
    check_settings(recipe, request.settings, needed)
    made = _stages(recipe, needed)
    used = _needed(made, {target.stage for target in wanted})
    outcomes = tuple(_outcomes(recipe, used))
    return Plan(
        project=recipe.project.name,
        version=request.version,
        root=recipe.root,
        base=stages.base_image(recipe),
        platforms=platforms,
        stages=_needed(made, {target.stage for target in (*wanted, *outcomes)}),
        targets=tuple(_labelled(recipe, target, made) for target in wanted),
        groups={
            name: kept
            for name, members in groups.items()
            if name in asked and (kept := tuple(m for m in members if m in names))
        },
        request=request,
        sources=tuple(
            block
            for block in recipe.at_hand
            if any(making.source(block.name) in stage.needs for stage in used)
        ),
        outcomes=outcomes,
        left_out=dict(recipe.left_out),
    )


def _available(recipe: Recipe, request: Request) -> dict[str, Target]:
    """All targets of a recipe by their names; `request` has the platforms that are meant."""
    targets = (target for kind in KINDS.values() for target in kind.targets(recipe, request))
    return {target.name: target for target in targets}


def _outcomes(recipe: Recipe, used: Collection[Stage]) -> Iterable[Target]:
    """What tells of the optional blocks that these stages need."""
    names = {stage.name for stage in used}
    for block in recipe.at_hand:
        if block.optional and making.check(block.name) in names:
            yield Target(
                name=f"block-{block.name}",
                stage=toolchain.outcome(block.name),
                kind="outcome",
                form=Form.OUTCOME,
                description=f"what became of {block.name}",
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
    needed = {name for target in targets for name in KINDS[target.kind].variants(recipe, target)}
    return tuple(variant for variant in recipe.variants if variant in needed)


def offered(recipe: Recipe) -> tuple[str, ...]:
    """The names of all targets and groups of a recipe."""
    available = _available(recipe, Request(platforms=recipe.project.platforms))
    return (*available, *_groups(recipe, available))


def _groups(recipe: Recipe, available: dict[str, Target]) -> dict[str, tuple[str, ...]]:
    groups = {
        kind.group: tuple(n for n, target in available.items() if target.kind == kind.name)
        for kind in KINDS.values()
        if kind.group
    }
    groups["all"] = tuple(available)
    groups |= {f"build-{variant}": (f"binaries-{variant}",) for variant in recipe.variants}
    return {name: members for name, members in groups.items() if members}


def _members(
    name: str, recipe: Recipe, available: dict[str, Target], groups: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if name in groups:
        return groups[name]
    if name in available:
        return (name,)
    for kind in KINDS.values():
        if name in (kind.name, kind.group) and (refusal := kind.refusal(recipe)):
            raise refusal
    raise UsageError(f"no target or group {name!r}", hint=_choices(name, [*groups, *available]))


def _stages(recipe: Recipe, variants: Collection[str]) -> tuple[Stage, ...]:
    """All stages for these variants, each once and after what it needs."""
    first_in_front = sorted(variants, key=lambda variant: variant != recipe.build.first)
    made = [stages.base(recipe), stages.hooks(), *toolchain.stages(recipe)]
    for kind in KINDS.values():
        made.extend(kind.stages(recipe, first_in_front))
    return tuple({stage.name: stage for stage in made}.values())


def _needed(all_stages: Collection[Stage], wanted: Iterable[str]) -> tuple[Stage, ...]:
    """Only the stages that the named ones are built from, in the given order."""
    needed = set(wanted)
    for stage in reversed(tuple(all_stages)):
        if stage.name in needed:
            needed.update(stage.needs)
    return tuple(stage for stage in all_stages if stage.name in needed)


def _labelled(recipe: Recipe, target: Target, all_stages: Collection[Stage]) -> Target:
    """The target with the label that says what it is made of, if it has one.

    What an image lacks is part of that: one that lacks another block than this is another.
    """
    if not target.says_definition:
        return target
    lacking = [block for block in recipe.blocks if block.name in recipe.left_out]
    made_of = repr((_needed(all_stages, {target.stage}), lacking))
    label = {DEFINITION: hashlib.sha256(made_of.encode()).hexdigest()}
    return dataclasses.replace(target, labels=target.labels | label)


def _choices(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
