#!/usr/bin/env python3
"""Writes the table of keys in docs/recipes.md from the types of the recipe.

.venv/bin/python docs/reference.py
"""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pdbuild.recipe.table import Table, inner_table, own_fields
from pdbuild.recipe.tables.block import Block
from pdbuild.recipe.types import Recipe

PAGE = Path(__file__).with_name("recipes.md")
START, END = "<!-- keys: written by docs/reference.py -->", "<!-- end of keys -->"


def reference() -> str:
    """The keys of all tables as Markdown."""
    tables = [*_tables(Recipe, "[{}]", "[{}] NAME")]
    tables += [("A block's file", Block)]
    tables += _tables(Block, "[{}] of a block", "[{}.NAME] of a block")
    parts = []
    for title, table in tables:
        lines = [f"### {title}", "", "| key | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{field.name}` | {_default(field)} | {field.metadata['doc']} |"
            for field in own_fields(table)
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _tables(table: type[Table], single: str, named: str) -> Iterator[tuple[str, type[Table]]]:
    """The tables in `table`, each with its title."""
    for field in own_fields(table):
        inner, by_name = inner_table(field.type)
        if inner is not None:
            yield (named if by_name else single).format(field.name), inner
            below = single.replace("{}", f"{field.name}.{{}}")
            yield from _tables(inner, below, below) if not by_name else ()


def page(text: str) -> str:
    """The page with its table of keys brought up to date."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{reference()}\n\n{END}{after}"


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return ""
    if field.default is dataclasses.MISSING:
        return "(required)"
    value = field.default
    if value in ("", (), None):
        return ""
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{str(value).lower()}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.exit(0)
