"""Lowers a recipe to the stages that all targets start from: base, hooks and toolchain."""

from pdbuild.plan import blocks
from pdbuild.plan.instructions import (
    Arg,
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
    hook_mounts,
    shipped,
)
from pdbuild.recipe.types import Block, Recipe


def base_image(recipe: Recipe) -> str:
    """The image reference of the base, as plain tools would pull it."""
    base = recipe.base
    return base.image or f"{base.distribution}:{base.suite}-slim"


def base(recipe: Recipe) -> Stage:
    """What every other stage starts from."""
    return Stage(
        name="base",
        base=base_image(recipe),
        comment=f"{recipe.base.distribution.capitalize()} {recipe.base.suite}, and nothing else.",
        instructions=(Env(name="LANG", value="C.UTF-8"),),
    )


def hooks() -> Stage:
    """The scripts that the steps run."""
    return Stage(
        name="hooks",
        base="scratch",
        comment="The scripts that the steps below run.",
        instructions=(Copy(source="hooks/", target="/"),),
    )


def toolchain(recipe: Recipe) -> Stage:
    """The tools: one step for all Debian packages, then block by block what else it needs."""
    found = blocks.resolved(recipe)
    packages = {name for block in found for name in block.apt}
    packages.update(recipe.toolchain.packages)
    if recipe.package or recipe.build.hardening:
        packages.add("dpkg-dev")
    instructions: list[Instruction] = [Arg(name="TARGETARCH")]
    if packages:
        instructions.append(apt_install(recipe, "apt-install", sorted(packages)))
    for block in found:
        instructions.extend(_block(recipe, block))
    for name in recipe.left_out:
        instructions.append(Comment(text=f"{name}: left out, as its source is not at hand."))
    return Stage(
        name="toolchain",
        base="base",
        comment="The tools that compile, test, document and package. Each one proves that it "
        "works, or the build stops here.",
        instructions=tuple(instructions),
    )


def _block(recipe: Recipe, block: Block) -> list[Instruction]:
    instructions: list[Instruction] = [Comment(text=f"{block.name}: {block.description}.")]
    instructions.extend(Env(name=k, value=v) for k, v in block.environment.items())
    if block.path:
        instructions.append(Env(name="PATH", value=":".join((*block.path, "$PATH"))))
    if block.pip:
        instructions.append(
            Run(
                argv=("bash", f"{HOOKS}/pip-install", f"/opt/{block.name}", *block.pip),
                mounts=(
                    Cache(id="pdbuild-pip", target="/root/.cache/pip"),
                    *shipped("pip-install"),
                    *NETWORK,
                ),
            )
        )
    for hook in filter(None, (block.install, block.check)):
        binds = _block_hook(recipe, hook)
        script = next(bind.target for bind in binds if isinstance(bind, Bind))
        if block.source and hook == block.install:
            binds = (*binds, Bind(stage=f"source-{block.name}", source="/", target="/run/source"))
        instructions.append(Run(argv=("bash", script), mounts=(*binds, Tmpfs(target="/tmp"))))
    return instructions


def _block_hook(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a block's hook: those in check/ and install/ are pdbuild's."""
    return shipped(hook) if hook.startswith(("check/", "install/")) else hook_mounts(recipe, hook)
