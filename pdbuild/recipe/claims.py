"""What a recipe's claims say of its variants: what they need of a CPU, and whether of a GPU."""

from pdbuild.recipe.types import Recipe


def needs(recipe: Recipe, variant: str) -> tuple[str, ...]:
    """The features of x86-64 CPUs without which a variant does not run."""
    cpu = recipe.verify.cpu if recipe.verify else None
    if cpu is None or variant in cpu.variants:
        return ()
    return cpu.needs or (cpu.feature,)


def wants_cuda(recipe: Recipe, variant: str) -> bool:
    """Whether a variant is for GPUs."""
    cuda = recipe.verify.cuda if recipe.verify else None
    return cuda is not None and variant in cuda.variants


def instead(recipe: Recipe, variant: str) -> str:
    """The variant that is for GPUs, or not, as this one, and needs nothing of a CPU; "" if none.

    Also for a variant that needs nothing itself.
    """
    same = wants_cuda(recipe, variant)
    there = (v for v in recipe.variants if wants_cuda(recipe, v) == same and not needs(recipe, v))
    return next(there, "")
