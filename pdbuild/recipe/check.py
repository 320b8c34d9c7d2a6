"""What must hold in a recipe beyond keys and types: the checks of its tables, in their order."""

from collections.abc import Iterator
from pathlib import Path

from pdbuild.recipe import rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.merge import Tables
from pdbuild.recipe.table import Table, inner_table, own_fields
from pdbuild.recipe.types import Recipe


def recipe(recipe: Recipe) -> Iterator[Finding]:
    """Everything wrong in a recipe whose keys and types are right."""
    for _, table, _ in _tables():
        yield from table.mistakes(recipe)


def missing(recipe: Recipe, source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
    """Hooks and folders that the recipe names but the source tree does not have."""
    for _, table, _ in _tables():
        yield from table.missing(recipe, source, hooks_dir)


def repeats(read: Tables) -> Iterator[Finding]:
    """Values that one file names twice in a list that is a set."""
    for name, table, by_name in _tables():
        for field in own_fields(table) if not by_name else ():
            if field.metadata["unique"]:
                values = (read.get(name) or {}).get(field.name, ())
                yield from rules.repeats((name, field.name), tuple(values))


def single_lines(recipe: Recipe) -> Iterator[Finding]:
    """Strings that hold control characters, or several lines where one is meant."""
    for name, _, _ in _tables():
        yield from rules.lines((name,), getattr(recipe, name))


def _tables() -> Iterator[tuple[str, type[Table], bool]]:
    """Each table of a recipe, its class, and whether it holds entries by name."""
    for field in own_fields(Recipe):
        table, by_name = inner_table(field.type)
        assert table is not None
        yield field.name, table, by_name
