#!/usr/bin/env python3
"""Writes the table of keys in docs/recipes.md from the types of the recipe.

.venv/bin/python docs/reference.py
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

from pdbuild.recipe import types

PAGE = Path(__file__).with_name("recipes.md")
START, END = "<!-- keys: written by docs/reference.py -->", "<!-- end of keys -->"

TABLES: tuple[tuple[str, type], ...] = (
    ("[project]", types.Project),
    ("[base]", types.Base),
    ("[toolchain]", types.Toolchain),
    ("[options] NAME", types.Option),
    ("[variants] NAME", types.Variant),
    ("[build]", types.Build),
    ("[package]", types.Package),
    ("[image]", types.Image),
    ("[docs]", types.Docs),
    ("[browse]", types.Browse),
    ("[browse]", types.Browse),
    ("[mirrors]", types.Mirrors),
    ("A block's file", types.Block),
    ("[source] of a block", types.Source),
    ("[parameters.NAME] of a block", types.Parameter),
)


def reference() -> str:
    """The keys of all tables as Markdown."""
    parts = []
    for title, table in TABLES:
        lines = [f"### {title}", "", "| key | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{field.name}` | {_default(field)} | {field.metadata['doc']} |"
            for field in dataclasses.fields(table)
            if field.metadata.get("doc") and not field.metadata["doc"].endswith("not a key.")
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


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
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f'`"{value}"`'


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.exit(0)
