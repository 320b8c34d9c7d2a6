"""What becomes of a bake when optional blocks fail: it goes on without them, or it is an error."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pdbuild import attempts
from pdbuild.choices import Options
from pdbuild.engine.contract import Built
from pdbuild.errors import EngineError
from pdbuild.plan import making, toolchain
from pdbuild.plan.types import Form, Plan, Target
from pdbuild.project import plan_without, say
from pdbuild.recipe.types import Block, Recipe
from pdbuild.resolve import offered


def with_outcomes(plan: Plan) -> Plan:
    """The plan with the targets that tell what became of the optional blocks that it needs."""
    needed = {stage for target in plan.targets for stage in plan.stages_of(target)}
    told = [target for target, block in _outcomes(plan) if making.check(block.name) in needed]
    return replace(plan, targets=(*plan.targets, *told))


def sort_out(recipe: Recipe, plan: Plan, built: Built) -> tuple[Built, dict[str, str]]:
    """What of a build can be delivered, and the optional blocks that failed, with the reason.

    `built` has the plan's outcomes among its outputs. What has a block that failed is taken
    out: it only looks finished.
    """
    blocks = {outcome.name: block for outcome, block in _outcomes(plan)}
    failed = {}
    for output in built.outputs:
        block = blocks.get(output.target.name)
        if block and (why := attempts.learn(recipe, block, output.layout, output.digest)):
            failed[block.name] = why
            say(f"left out: {block.name}: {why}")
    spoilt = {target.name for target in _having(plan, failed)}
    kept = replace(
        built,
        outputs=tuple(
            output
            for output in built.outputs
            if output.target.form is not Form.OUTCOME and output.target.name not in spoilt
        ),
        unfinished=tuple(t for t in built.unfinished if t.form is not Form.OUTCOME),
    )
    return kept, failed


def without(recipe: Recipe, plan: Plan, failed: Mapping[str, str]) -> Plan:
    """The plan for what had the blocks that failed, without them.

    A target that cannot be without is no longer in it. Raises UsageError when it was alone.
    """
    left_out = plan.left_out | dict(failed)
    names = [target.name for target in _having(plan, failed)]
    there = offered(replace(recipe, left_out=left_out))
    wanted = tuple(name for name in names if name in there) or tuple(names)
    return plan_without(recipe, replace(plan.request, targets=wanted), left_out)


def unknown(recipe: Recipe, plan: Plan) -> frozenset[str]:
    """The optional blocks of which a plan knows nothing: nothing in it needs them."""
    known = {*plan.left_out, *(block.name for block in plan.sources)}
    return frozenset(block.name for block in recipe.blocks if block.optional) - known


def refuse(left_out: Mapping[str, str], options: Options) -> None:
    """Raise EngineError for optional blocks that are left out, when that is not allowed."""
    if options.strict and left_out:
        blocks = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise EngineError(
            f"optional blocks cannot be had: {blocks}",
            hint="--retry-blocks tries again; without --strict the bake goes on without them",
        )


def _outcomes(plan: Plan) -> Iterator[tuple[Target, Block]]:
    by_stage = {toolchain.outcome(block.name): block for block in plan.sources}
    return ((outcome, by_stage[outcome.stage]) for outcome in plan.outcomes)


def _having(plan: Plan, blocks: Mapping[str, str]) -> list[Target]:
    """The targets that are made with one of these optional blocks."""
    stages = {making.check(name) for name in blocks}
    return [target for target in plan.targets if stages & plan.stages_of(target)]
