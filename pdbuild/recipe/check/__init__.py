"""What must hold in a recipe and its blocks beyond keys and types."""

import dataclasses
from collections.abc import Callable, Iterator

from pdbuild.recipe import rules
from pdbuild.recipe.check import blocks, tables, variants
from pdbuild.recipe.check.blocks import block
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.merge import Tables, inner_table
from pdbuild.recipe.types import MERGE_APPEND, Recipe

__all__ = ["block", "recipe", "repeats", "single_lines"]

# In the order of a recipe's tables.
_CHECKS: tuple[Callable[[Recipe], Iterator[Finding]], ...] = (
    tables.project,
    tables.base,
    blocks.toolchain,
    variants.options,
    variants.variants,
    variants.defaults,
    variants.build,
    tables.paths,
    tables.package,
    tables.image,
    blocks.browse,
    tables.mirrors,
)


def recipe(recipe: Recipe) -> Iterator[Finding]:
    """Everything wrong in a recipe whose keys and types are right."""
    for check in _CHECKS:
        yield from check(recipe)


def repeats(read: Tables) -> Iterator[Finding]:
    """Values that one file names twice in a list that is a set."""
    for table in dataclasses.fields(Recipe):
        inner, by_name = inner_table(table.type)
        for field in dataclasses.fields(inner) if inner and not by_name else ():
            values = (read.get(table.name) or {}).get(field.name, ())
            if field.metadata["merge"] == MERGE_APPEND or field.name == "platforms":
                yield from rules.repeats((table.name, field.name), tuple(values))


def single_lines(recipe: Recipe) -> Iterator[Finding]:
    """Strings that hold control characters, or several lines where one is meant."""
    for table in (
        "project",
        "base",
        "toolchain",
        "build",
        "package",
        "image",
        "docs",
        "browse",
        "mirrors",
    ):
        yield from rules.lines((table,), getattr(recipe, table))
