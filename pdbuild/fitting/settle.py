"""`--variant auto` on a command line, and a variant that was named and does not fit."""

from dataclasses import replace

from pdbuild.choices import Choices
from pdbuild.fitting import choice, facts
from pdbuild.fitting.choice import Machine
from pdbuild.fitting.facts import Cuda
from pdbuild.platforms import native
from pdbuild.project import open_recipe, say
from pdbuild.recipe.claims import wants_cuda
from pdbuild.recipe.features import FEATURES
from pdbuild.recipe.types import Recipe

AUTO = "auto"
_UNDESCRIBED = "containers cannot be given it: no file in /etc/cdi describes nvidia.com/gpu"


def settled(choices: Choices, devices: tuple[str, ...]) -> tuple[Choices, tuple[str, ...]]:
    """The choices with a variant in the place of `auto`, which is said, and the devices.

    A variant for GPUs gets all of them, unless the caller names devices. A recipe's own variant
    of the name is that variant.
    """
    if choices.variants != (AUTO,):
        return choices, devices
    recipe = open_recipe(choices.recipe)
    if AUTO in recipe.variants:
        return choices, devices
    found = choice.choose(recipe, _machine(recipe, choices, devices))
    say(f"variant {found.variant}: {found.why}")
    if found.cuda and not devices:
        devices = (facts.DEVICE,)
    return replace(choices, variants=(found.variant,)), devices


def told(choices: Choices, devices: tuple[str, ...]) -> bool:
    """Whether the variant that is meant does not fit this machine; what it would meet is said."""
    recipe = open_recipe(choices.recipe)
    variant = choices.variants[0] if choices.variants else recipe.default_variant
    if variant not in recipe.variants:
        return False
    machine = _machine(recipe, choices, devices, wants_cuda(recipe, variant))
    trouble = choice.trouble(recipe, variant, machine)
    if trouble:
        say(f"variant {variant}: {trouble}")
    return bool(trouble)


def _machine(
    recipe: Recipe, choices: Choices, devices: tuple[str, ...], asked: bool = True
) -> Machine:
    here = native().name
    platform = choices.platforms[0] if choices.platforms else here
    if platform != here:  # QEMU's own CPU has everything
        nobody = Cuda(why="emulated programs have none")
        return Machine(features=frozenset(FEATURES), cuda=nobody, platform=platform)
    asked = asked and any(wants_cuda(recipe, variant) for variant in recipe.variants)
    cuda = facts.cuda() if asked else Cuda(why="nobody asked")
    if cuda.name and not devices and not facts.described():
        cuda = Cuda(why=f"{cuda.name} is there, but {_UNDESCRIBED}")
    return Machine(features=facts.here(), cuda=cuda, platform=here)
