"""Resolves a recipe and a request to a plan."""

import dataclasses
import difflib
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from pdbuild.errors import UsageError
from pdbuild.plan import crossing as cross
from pdbuild.plan import goals, making, stages, toolchain
from pdbuild.plan.goals import Goal
from pdbuild.plan.instructions import Stage
from pdbuild.plan.options import check_settings
from pdbuild.plan.types import DEFINITION, Form, Plan, Request, Target
from pdbuild.platforms import native
from pdbuild.recipe.types import Recipe
from pdbuild.targets import KINDS


def resolve(recipe: Recipe, request: Request) -> Plan:
    """The plan of what `request` asks for of `recipe`.

    Raises UsageError for a target, variant, option, value or platform that the recipe does not
    have, and for a `--set` that contradicts a variant.
    """
    variants = _variants(recipe, request.variants)
    platforms = goals.asked(recipe, request)
    # Those that a target's name alone has said hold for that target alone.
    said = {*platforms} - {*goals.asked(recipe, dataclasses.replace(request, targets=()))}
    request = dataclasses.replace(request, platforms=platforms)
    meant = goals.make(recipe, request)
    goals.refuse(recipe, meant, request.variants)
    available = _available(recipe, request, meant)
    groups = _groups(recipe, available)
    asked = request.targets or ("all",)
    names: set[str] = set()
    for name in asked:
        for member in _members(name, recipe, available, groups, meant):
            target = available[member]
            if name != member and target.platform in said:
                continue
            if name not in groups or not target.variant or target.variant in variants:
                names.add(member)
    if not names:
        raise UsageError(f"nothing of {', '.join(asked)} is in the variants asked for")
    names |= {judged for name in names for judged in available[name].judges}
    # In the recipe's order, whatever the order of asking: the same things are the same text.
    chosen = tuple(target for name, target in available.items() if name in names)
    wanted = tuple(target for target in chosen if target.form is not Form.CLAIMS)
    built = {target.name for target in wanted}
    needed = _needed_variants(recipe, request, wanted, meant)
    every = {variant for found in needed.values() for variant in found}
    check_settings(recipe, request.settings, tuple(v for v in recipe.variants if v in every))
    goals.check_settings(recipe, request.settings, meant)
    made = _stages(recipe, needed)
    used = _needed(made, {target.stage for target in wanted})
    outcomes = tuple(_outcomes(recipe, request, used))
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
            if name in asked and (kept := tuple(m for m in members if m in built))
        },
        request=request,
        sources=tuple(
            block
            for block in recipe.at_hand
            if any(making.source(block.name) in stage.needs for stage in used)
        ),
        outcomes=outcomes,
        left_out=dict(recipe.left_out),
        notes=tuple(goals.notes(recipe, meant, variants)) if groups.keys() & {*asked} else (),
        claims=tuple(target for target in chosen if target.form is Form.CLAIMS),
    )


def _available(recipe: Recipe, request: Request, meant: Sequence[Goal]) -> dict[str, Target]:
    """All targets of a recipe by their names, for these goals."""
    found: dict[str, Target] = {}
    present = {goal: goals.present(recipe, goal.platform.name) for goal in meant}
    home = goals.home(request)
    for kind in filter(lambda kind: kind.fits(recipe), KINDS.values()):
        for goal in meant if kind.everywhere else (home,):
            variants = present[goal] if kind.everywhere else tuple(recipe.variants)
            for target in kind.targets(recipe, request, goal, variants):
                named = dataclasses.replace(
                    target, platform=goal.platform.name, emulated=goal.emulating
                )
                found[target.name] = named
    return found


def _outcomes(recipe: Recipe, request: Request, used: Collection[Stage]) -> Iterable[Target]:
    """What tells of the optional blocks that these stages need."""
    names = {stage.name for stage in used}
    for block in recipe.at_hand:
        if block.optional and making.check(block.name) in names:
            yield Target(
                name=f"block-{block.name}",
                stage=toolchain.outcome(block.name),
                kind="outcome",
                form=Form.OUTCOME,
                platform=request.machine.name,
                description=f"what became of {block.name}",
            )


def _variants(recipe: Recipe, asked: tuple[str, ...]) -> tuple[str, ...]:
    for name in asked:
        if name not in recipe.variants:
            raise UsageError(f"no variant {name!r}", hint=_choices(name, recipe.variants))
    return asked or tuple(recipe.variants)


def _needed_variants(
    recipe: Recipe, request: Request, targets: Collection[Target], meant: Sequence[Goal]
) -> dict[Goal, tuple[str, ...]]:
    """The variants that targets are made of, in the recipe's order, for each goal's stages.

    An emulator runs the stages of the machine that builds.
    """
    home = goals.home(request)
    crossing = {goal.platform.name: goal for goal in meant if goal.crossing}
    found: dict[Goal, set[str]] = {home: set()}
    for target in targets:
        goal = crossing.get(target.platform, home)
        found.setdefault(goal, set()).update(KINDS[target.kind].variants(recipe, target))
    return {
        goal: tuple(variant for variant in recipe.variants if variant in names)
        for goal, names in found.items()
    }


def offered(recipe: Recipe) -> tuple[str, ...]:
    """The names of all targets and groups of a recipe."""
    request = Request(machine=native())
    request = dataclasses.replace(request, platforms=goals.asked(recipe, request))
    available = _available(recipe, request, goals.make(recipe, request))
    return (*available, *_groups(recipe, available))


def _groups(recipe: Recipe, available: dict[str, Target]) -> dict[str, tuple[str, ...]]:
    groups = {
        kind.group: tuple(n for n, target in available.items() if target.kind == kind.name)
        for kind in KINDS.values()
        if kind.group
    }
    groups["all"] = tuple(available)
    built: dict[str, list[str]] = {f"build-{variant}": [] for variant in recipe.variants}
    for name, target in available.items():
        if target.kind == "binaries":
            built[f"build-{target.variant}"].append(name)
    groups |= {name: tuple(members) for name, members in built.items()}
    return {name: members for name, members in groups.items() if members}


def _members(
    name: str,
    recipe: Recipe,
    available: dict[str, Target],
    groups: dict[str, tuple[str, ...]],
    meant: Sequence[Goal],
) -> tuple[str, ...]:
    if name in groups:
        return groups[name]
    # A name stands for the same of all platforms.
    everywhere = (name, *(goal.target(name) for goal in meant))
    if named := tuple(dict.fromkeys(n for n in everywhere if n in available)):
        return named
    if absent := goals.absent_target(recipe, name, meant):
        raise absent
    for kind in KINDS.values():
        if name in (kind.name, kind.group) and (refusal := kind.refusal(recipe)):
            raise refusal
    raise UsageError(f"no target or group {name!r}", hint=_choices(name, [*groups, *available]))


def _stages(recipe: Recipe, variants: Mapping[Goal, Collection[str]]) -> tuple[Stage, ...]:
    """All stages for these goals and variants, each once and after what it needs."""
    crossing = [goal for goal in variants if goal.crossing]
    made = [
        stages.base(recipe, crossing=bool(crossing)),
        stages.hooks(),
        *toolchain.stages(recipe),
        *(stage for goal in crossing for stage in cross.stages(recipe, goal)),
    ]
    first_in_front = {
        goal: sorted(names, key=lambda variant: variant != recipe.build.first)
        for goal, names in variants.items()
    }
    for kind in filter(lambda kind: kind.fits(recipe), KINDS.values()):
        for goal, names in first_in_front.items():
            if kind.everywhere or not goal.crossing:
                made.extend(kind.stages(recipe, names, goal))
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
