"""Lowers a recipe's blocks to stages: what can be made beside something else is a stage.

    base ─▶ toolchain-python ─▶ toolchain-packages ─▶ toolchain ─▶ compile …
                  └─▶ block-nvcc ─────────────────────────▲  └─▶ check-nvcc ─▶ checked
                          toolchain-packages ─▶ block-woboq ─▶ check-woboq ─▶ workshop

Compiling starts from `toolchain` at once; what leaves the build waits for `checked`, which has
a stamp of each check. `workshop` is the toolchain with the optional blocks: what compiles and
ships never waits for one. A stage is there only when something needs it.
"""

from collections.abc import Iterator

from pdbuild.plan import blocks, making
from pdbuild.plan.instructions import Bind, Copy, Instruction, Stage
from pdbuild.plan.steps import apt_install, architecture, emulation, toolchain_key
from pdbuild.recipe.types import Block, Recipe

#: Where the outcome of an optional block is: one folder each, in its stages.
ATTEMPTS = "/var/lib/pdbuild/attempts/"
#: What stands behind the name of a package that is for the machine that builds alone.
NATIVE = ":native"
#: The stage that has Python and pip, and no more.
PYTHON = "toolchain-python"
# What pip takes to install wheels.
_PIP = ("python3", "python3-pip")
# Its content is the same whatever is checked, so a check that is done again costs no cache.
_STAMP = "/etc/debian_version"
_CHECKED = "checked"
# An empty folder: /mnt is one in every base. (Buildah 1.28 makes none for WORKDIR alone.)
_NOTHING = "/nothing/"


def stages(recipe: Recipe) -> Iterator[Stage]:
    """All stages of the toolchain, each after what it needs."""
    named = blocks.resolved(recipe)
    found = tuple(block for block in named if block.name not in recipe.left_out)
    early = any(block.wheels for block in named)
    if early or _wants_pip(recipe):
        yield _python(recipe)
    # The same text whether an optional block is left out or not: it decides nothing here.
    base, packages = "base", _packages(recipe, named)
    if any(map(making.has_stage, named)):
        yield _apt_stage(recipe, packages, base=PYTHON if early else "base")
        base, packages = "toolchain-packages", ()
    for block in filter(making.has_stage, found):
        yield making.stage(recipe, block, found)
    yield _toolchain(recipe, found, base, packages)
    for block in found:
        yield _check(recipe, block)
    if _has_checks(recipe):
        yield _checked([block for block in found if not block.optional])
    for block in found:
        if block.optional:
            yield _outcome(block)
    yield from _workshop(recipe, found)


def workshop(recipe: Recipe) -> str:
    """The stage that has all the tools there are, the optional ones too."""
    return "workshop" if any(block.optional for block in recipe.at_hand) else "toolchain"


def outcome(block: str) -> str:
    """The stage that has nothing but the outcome of an optional block."""
    return f"outcome-{block}"


def checked(recipe: Recipe) -> tuple[Bind, ...]:
    """The mounts of a step that must not run unless all checks have passed."""
    here = Bind(stage=_CHECKED, source="/stamps", target="/run/checked")
    return (here,) if _has_checks(recipe) else ()


def after_checks(recipe: Recipe) -> tuple[Copy, ...]:
    """The same for a stage without a step: it copies nothing."""
    nothing = Copy(stage=_CHECKED, source=_NOTHING, target="/")
    return (nothing,) if _has_checks(recipe) else ()


def unless_left_out(recipe: Recipe, name: str, instead: str) -> str:
    """The start of a script that does no more than `instead` when an optional block failed."""
    block = next(block for block in recipe.blocks if block.name == name)
    if not block.optional:
        return ""
    return f"if [ -e /opt/{name}/.left-out ]; then {instead}; exit; fi; "


def _wants_pip(recipe: Recipe) -> bool:
    """Whether images take something of pip's."""
    of_image = recipe.image is not None and recipe.image.pip
    return of_image or (recipe.app is not None and bool(recipe.app.requirements))


def _has_checks(recipe: Recipe) -> bool:
    return any(not block.optional for block in recipe.at_hand)


def _packages(recipe: Recipe, found: tuple[Block, ...]) -> tuple[str, ...]:
    packages = {name for block in found for name in block.apt}
    packages.update(name.removesuffix(NATIVE) for name in recipe.toolchain.packages)
    if recipe.image or recipe.build.hardening:
        packages.add("dpkg-dev")
    if recipe.package:
        packages.update(("debhelper", "dh-python"))
    return tuple(sorted(packages))


def _python(recipe: Recipe) -> Stage:
    return Stage(
        name=PYTHON,
        base="base",
        comment="Python and pip come first: wheels are fetched and unpacked beside all the "
        "other packages.",
        instructions=(
            architecture(recipe),
            apt_install("apt-install", _PIP, toolchain_key(recipe)),
        ),
    )


def _apt_stage(recipe: Recipe, packages: tuple[str, ...], *, base: str) -> Stage:
    key = toolchain_key(recipe)
    step = (apt_install("apt-install", packages, key),) if packages else ()
    return Stage(
        name="toolchain-packages",
        base=base,
        comment="All Debian packages of the toolchain, in one step.",
        instructions=(architecture(recipe), *step),
    )


def _toolchain(
    recipe: Recipe, found: tuple[Block, ...], base: str, packages: tuple[str, ...]
) -> Stage:
    instructions: list[Instruction] = []
    if packages:
        instructions.append(architecture(recipe))
        instructions.append(apt_install("apt-install", packages, toolchain_key(recipe)))
    for block in found:
        if not block.optional:
            instructions += making.taken(recipe, block)
    return Stage(
        name="toolchain",
        base=base,
        comment="The tools that compile, test, document and package.",
        instructions=tuple(instructions),
    )


def _check(recipe: Recipe, block: Block) -> Stage:
    """A block proves that it works in the toolchain, or the build stops here."""
    before: list[Instruction] = list(emulation(recipe))
    if block.optional:
        before += making.environment(block)
        made = making.made(block.name)
        before.append(making.copied(block, made))
        before.append(Copy(stage=made, source=ATTEMPTS, target=ATTEMPTS))
    return Stage(
        name=making.check(block.name),
        base="toolchain",
        comment=f"{block.name} proves that it works"
        + (", or is left out." if block.optional else ", or nothing is delivered."),
        instructions=(*before, making.step(recipe, block, block.check)),
    )


def _checked(found: list[Block]) -> Stage:
    stamps = (
        Copy(stage=making.check(block.name), source=_STAMP, target=f"/stamps/{block.name}")
        for block in found
    )
    return Stage(
        name=_CHECKED,
        base="scratch",
        comment="A stamp of each check. What leaves the build waits for it; compiling does not.",
        instructions=(
            *stamps,
            Copy(stage=making.check(found[0].name), source="/mnt/", target=_NOTHING),
        ),
    )


def _outcome(block: Block) -> Stage:
    made = making.check(block.name)
    return Stage(
        name=outcome(block.name),
        base="scratch",
        comment=f"What became of {block.name}: empty, or the reason why it is left out and a log.",
        instructions=(Copy(stage=made, source=f"{ATTEMPTS}{block.name}/", target="/"),),
    )


def _workshop(recipe: Recipe, found: tuple[Block, ...]) -> Iterator[Stage]:
    optional = [block for block in found if block.optional]
    if optional:
        yield Stage(
            name="workshop",
            base="toolchain",
            comment="The toolchain with the optional blocks, as far as they could be made.",
            instructions=tuple(i for block in optional for i in making.taken(recipe, block)),
        )
