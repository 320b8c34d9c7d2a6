"""The steps that make one block: its packages, what is compiled, its hooks, and how it is taken."""

from collections.abc import Iterator

from pdbuild.plan.instructions import (
    Bind,
    Cache,
    Comment,
    Copy,
    Env,
    Instruction,
    Mount,
    Run,
    Stage,
    Tmpfs,
)
from pdbuild.plan.steps import (
    HOOKS,
    NETWORK,
    apt_install,
    architecture,
    hook_mounts,
    shipped,
    toolchain_key,
)
from pdbuild.recipe.types import Block, Recipe


def source(block: str) -> str:
    """The named context that has a block's source."""
    return f"source-{block}"


def made(block: str) -> str:
    """The stage in which a block is made by itself."""
    return f"block-{block}"


def check(block: str) -> str:
    """The stage that checks a block; of an optional one it is what has it, or has it not."""
    return f"check-{block}"


def has_stage(block: Block) -> bool:
    """Whether a block is made by itself, and then copied."""
    return bool(block.wheels or block.pip or block.source)


def stage(recipe: Recipe, block: Block, found: tuple[Block, ...]) -> Stage:
    """A block that is made by itself: wheels, pip's packages, or compiled from a source."""
    instructions: list[Instruction] = []
    if not block.wheels:
        instructions += _required(block, found)
    instructions += environment(block)
    if block.wheels:
        instructions.append(_pip(block, ("--only-binary=:all:", *block.wheels)))
    if block.pip:
        instructions.append(_pip(block, block.pip))
    if block.source and block.source.apt:
        instructions.append(architecture(recipe))
        instructions.append(_attempt_packages(recipe, block))
    if block.install and (block.wheels or block.source):
        instructions.append(step(recipe, block, block.install))
    return Stage(
        name=made(block.name),
        base="toolchain-python" if block.wheels else "toolchain-packages",
        comment=f"{block.name}: {block.description}.",
        instructions=tuple(instructions),
    )


def taken(recipe: Recipe, block: Block) -> Iterator[Instruction]:
    """What a block adds to the toolchain besides its packages."""
    added: list[Instruction] = list(environment(block))
    if has_stage(block):
        added.append(copied(block, check(block.name) if block.optional else made(block.name)))
    if block.install and not (block.wheels or block.source):
        added.append(step(recipe, block, block.install))
    if added:
        yield Comment(text=f"{block.name}: {block.description}.")
        yield from added


def copied(block: Block, stage: str) -> Copy:
    """All of a block, from one of its stages."""
    folder = f"/opt/{block.name}/"
    return Copy(stage=stage, source=folder, target=folder)


def _required(block: Block, found: tuple[Block, ...]) -> Iterator[Instruction]:
    """What is made by itself of the blocks that this one requires, in the recipe's order."""
    by_name = {other.name: other for other in found}
    needed: set[str] = set()
    waiting = list(block.requires)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            waiting += by_name[name].requires
    for other in found:
        if other.name in needed:
            yield from environment(other)
            if has_stage(other):
                yield copied(other, made(other.name))


def environment(block: Block) -> Iterator[Instruction]:
    """What a block sets for the steps that follow."""
    yield from (Env(name=k, value=v) for k, v in block.environment.items())
    if block.path:
        yield Env(name="PATH", value=":".join((*block.path, "$PATH")))


def _pip(block: Block, requirements: tuple[str, ...]) -> Run:
    return Run(
        argv=("bash", f"{HOOKS}/pip-install", f"/opt/{block.name}", *requirements),
        mounts=(
            Cache(id="pdbuild-pip", target="/root/.cache/pip"),
            *shipped("pip-install"),
            *NETWORK,
        ),
    )


def _attempt_packages(recipe: Recipe, block: Block) -> Run:
    """The packages that compiling a block takes; of an optional one that may fail."""
    assert block.source
    run = apt_install("apt-install", block.source.apt, toolchain_key(recipe))
    return _attempted(block, "fetching its packages", run) if block.optional else run


def step(recipe: Recipe, block: Block, hook: str) -> Run:
    """The step that runs one of a block's hooks; that of an optional one never fails."""
    mounts = _block_hook(recipe, hook)
    script = next(bind.target for bind in mounts if isinstance(bind, Bind))
    if block.source and hook == block.install:
        mounts = (*mounts, Bind(stage=source(block.name), source="/", target="/run/source"))
    run = Run(argv=("bash", script), mounts=(*mounts, Tmpfs(target="/tmp")))
    if not block.optional:
        return run
    return _attempted(block, "compiling it" if hook == block.install else "its check", run)


def _attempted(block: Block, what: str, run: Run) -> Run:
    """The step with its end written down, and no more than that when it fails."""
    words = (block.name, f"{what}, try {block.tries + 1}" if block.tries else what)
    argv = ("bash", f"{HOOKS}/attempt", *words, *run.argv[1:])
    return Run(argv=argv, mounts=(*run.mounts, *shipped("attempt")))


def _block_hook(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a block's hook: those in check/ and install/ are pdbuild's."""
    return shipped(hook) if hook.startswith(("check/", "install/")) else hook_mounts(recipe, hook)
