"""`[docs]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.recipe import disk, hooks, names, rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Docs(Table):
    """`[docs]`: the project's documentation."""

    hook: str = key("The hook that makes the pages.", default="docs")
    source: str = key("The folder of the pages, relative to the source.", default="docs")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        if recipe.docs is not None:
            yield from rules.plain_path(("docs", "hook"), recipe.docs.hook)

    @staticmethod
    def missing(recipe: "Recipe", source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
        if recipe.docs is None:
            return
        yield from hooks.missing(("docs", "hook"), recipe.docs.hook, source, hooks_dir)
        pages = disk.resolved(source, recipe.docs.source)
        if pages is None or not (disk.is_folder(pages) and pages.is_relative_to(source)):
            what = f"there is no folder {names.quote(recipe.docs.source)} in the source"
            yield Finding(("docs", "source"), what, needs=(("docs",), ("project", "source")))
