"""Which variant fits a machine best, and what one that does not fit would meet."""

from dataclasses import dataclass

from pdbuild.errors import PdbuildError, UsageError
from pdbuild.fitting.facts import Cuda
from pdbuild.plan.goals import present
from pdbuild.recipe.claims import instead, needs, wants_cuda
from pdbuild.recipe.types import Recipe

#: The platform of the CPUs that a recipe's claims tell of.
X86 = "linux/amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a machine has: features of its CPU, and a GPU or why none can be used.

    `platform` is what it runs images for. What variants need of x86-64 CPUs means nothing on
    another.
    """

    features: frozenset[str]
    cuda: Cuda
    platform: str = X86


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A variant, and in one line why."""

    variant: str
    why: str
    cuda: bool


def choose(recipe: Recipe, machine: Machine) -> Choice:
    """The best variant for a machine: for a GPU if there is one, then with all that its CPU has.

    Raises UsageError for a recipe that says nothing of what its variants need, and PdbuildError
    when none of them fits.
    """
    if not recipe.verify or not (recipe.verify.cpu or recipe.verify.cuda):
        raise UsageError(
            f"--variant auto: {recipe.file} does not say what its variants need",
            hint="add [verify.cpu] or [verify.cuda], see docs/verify.md",
        )
    fitting = [
        variant
        for variant in present(recipe, machine.platform)
        if not _lacks(recipe, variant, machine)
        and (machine.cuda.name or not wants_cuda(recipe, variant))
    ]
    if not fitting:
        raise PdbuildError(f"--variant auto: none fits: {_why(recipe, machine)}")
    best = max(fitting, key=lambda v: (wants_cuda(recipe, v), bool(needs(recipe, v))))
    return Choice(variant=best, why=_why(recipe, machine), cuda=wants_cuda(recipe, best))


def trouble(recipe: Recipe, variant: str, machine: Machine) -> str:
    """What a variant would meet on a machine that it does not fit; "" when it fits."""
    if lacks := _lacks(recipe, variant, machine):
        assert recipe.verify and recipe.verify.cpu
        says = recipe.verify.cpu.says
        met = f"it says {says!r}" if says else "it ends with an illegal instruction"
        other = instead(recipe, variant)
        return f"this CPU lacks {', '.join(lacks)}: {met}" + (f"; {other} fits" if other else "")
    if wants_cuda(recipe, variant) and not machine.cuda.name:
        assert recipe.verify and recipe.verify.cuda
        says = recipe.verify.cuda.says
        met = f"; it says {says!r}" if says else ""
        return f"no GPU can be used: {machine.cuda.why}{met}"
    return ""


def _lacks(recipe: Recipe, variant: str, machine: Machine) -> tuple[str, ...]:
    wanted = needs(recipe, variant) if machine.platform == X86 else ()
    return tuple(name for name in wanted if name not in machine.features)


def _why(recipe: Recipe, machine: Machine) -> str:
    """What decides: of the CPU, and of a GPU, as far as the recipe has variants for it."""
    parts = []
    wanted = {name: None for variant in recipe.variants for name in needs(recipe, variant)}
    if wanted and machine.platform == X86:
        lacking = [name for name in wanted if name not in machine.features]
        named = ", ".join(lacking or wanted)
        parts.append(f"this CPU {'lacks' if lacking else 'has'} {named}")
    if any(wants_cuda(recipe, variant) for variant in recipe.variants):
        found = machine.cuda
        parts.append(f"{found.name} is there" if found.name else f"no GPU: {found.why}")
    return "; ".join(parts) or f"the best for {machine.platform}"
