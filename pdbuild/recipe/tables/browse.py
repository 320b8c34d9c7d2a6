"""`[browse]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.recipe import hooks, names
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse(Table):
    """`[browse]`: the source as pages in which every name leads to its definition."""

    generator: tuple[str, ...] = key(
        "Blocks that can make the pages; the first that could be had makes them.",
        unique=True,
        default=("woboq", "doxygen"),
    )
    hook: str = key("The hook that makes the pages.", default="browse")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        if recipe.browse is None:
            return
        where: KeyPath = ("browse", "generator")
        if not recipe.block_names.intersection(recipe.browse.generator):
            named = " or ".join(map(names.quote, recipe.browse.generator)) or '"doxygen"'
            needs: tuple[KeyPath, ...] = (where, ("toolchain", "blocks"), EXTENDED)
            hint = f"add {named} to [toolchain].blocks"
            yield Finding(where, "none of them is one of this recipe's blocks", hint, needs=needs)

    @staticmethod
    def missing(recipe: "Recipe", source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
        if recipe.browse is not None:
            yield from hooks.missing(("browse", "hook"), recipe.browse.hook, source, hooks_dir)
