"""What compiling for another platform adds to the toolchain; the tools run on this machine.

    toolchain ─▶ toolchain-linux-arm64 ─▶ compile-linux-arm64 …
    block-nvcc ─▶ block-nvcc-linux-arm64 ───▲

The compilers of the platform, and its libraries beside this machine's (Debian's multiarch). What
the recipe calls tools stays this machine's.
"""

from collections.abc import Iterator
from string import Template

from pdbuild.plan import blocks, making
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Cache, Comment, Env, Instruction, Run, Stage
from pdbuild.plan.stages import base_for
from pdbuild.plan.steps import (
    HOOKS,
    NETWORK,
    apt_install,
    architecture,
    cache_key,
    shipped,
    toolchain_key,
)
from pdbuild.plan.toolchain import NATIVE
from pdbuild.recipe.types import Block, Recipe


def stages(recipe: Recipe, goal: Goal) -> Iterator[Stage]:
    """The toolchain for a goal, and the base of what is put together for it."""
    found = [b for b in blocks.resolved(recipe) if b.name not in recipe.left_out]
    with_wheels = [block for block in found if block.cross_wheels]
    yield base_for(goal)
    for block in with_wheels:
        yield _wheels(block, goal)
    yield _toolchain(recipe, goal, found, with_wheels)


def _toolchain(recipe: Recipe, goal: Goal, found: list[Block], with_wheels: list[Block]) -> Stage:
    platform = goal.platform
    environment = {
        "PDBUILD_ARCHITECTURE": platform.architecture,
        "PDBUILD_TRIPLET": platform.triplet,
        "PDBUILD_PROCESSOR": platform.processor,
    }
    install = apt_install(
        "cross-install",
        (*_named(recipe, goal, found), "--", *_both(recipe)),
        cache_key(recipe, goal),
        f"{toolchain_key(recipe)}-{platform.architecture}",
    )
    instructions: list[Instruction] = [
        *(Env(name=k, value=v) for k, v in environment.items()),
        architecture(recipe),
        install,
    ]
    for block in with_wheels:
        instructions.append(Comment(text=f"{block.name} with what is linked on the platform."))
        instructions.append(making.copied(block, goal.stage(making.made(block.name))))
    return Stage(
        name=goal.stage("toolchain"),
        base="toolchain",
        comment=f"The tools, with what compiling for {platform.name} takes besides. They run on "
        "this machine.",
        instructions=tuple(instructions),
    )


def _named(recipe: Recipe, goal: Goal, found: list[Block]) -> Iterator[str]:
    """Packages by names that apt understands: compilers, and the platform's own."""
    values = {"arch": goal.platform.architecture, "gnu": goal.platform.tools}
    named = {Template(text).safe_substitute(values) for block in found for text in block.cross}
    own = {f"{name}:{goal.platform.architecture}" for name in recipe.toolchain.target_packages}
    yield from sorted(named | own)


def _both(recipe: Recipe) -> Iterator[str]:
    """The recipe's packages, of which the libraries are needed for the platform, too."""
    yield from sorted(n for n in set(recipe.toolchain.packages) if not n.endswith(NATIVE))


def _wheels(block: Block, goal: Goal) -> Stage:
    """A block of wheels with the libraries and headers of another platform."""
    words = (f"/opt/{block.name}", goal.platform.processor, *block.cross_wheels)
    return Stage(
        name=goal.stage(making.made(block.name)),
        base=making.made(block.name),
        comment=f"{block.name} with the libraries and headers of {goal.platform.name}.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/cross-wheels", *words),
                mounts=(
                    Cache(id="pdbuild-pip", target="/root/.cache/pip"),
                    *shipped("cross-wheels"),
                    *NETWORK,
                ),
            ),
        ),
    )
