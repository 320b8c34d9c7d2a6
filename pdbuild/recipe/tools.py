"""The tools that a recipe may choose: the compiler, the linker, and what starts the compiler.

A recipe names them in `[build]`, a variant beside its options, a command line by `--set`. To a
plan each is an option like those of the project's, whose variable the build hooks read.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.tables.options import Option

if TYPE_CHECKING:
    from pdbuild.recipe.tables.build import Build
    from pdbuild.recipe.tables.variants import Variant
    from pdbuild.recipe.types import Recipe

# What each can be; the first is what is taken when nothing is said, and needs no block.
_VALUES = {
    "compiler": ("default", "gcc", "clang"),
    "linker": ("default", "lld", "mold"),
    "launcher": ("ccache", "none"),
}
_NO_BLOCKS = ("default", "none")
_PREFIX = "PDBUILD_"


def mistakes(path: KeyPath, table: "Build | Variant", recipe: "Recipe") -> Iterator[Finding]:
    """Tools named in `table`, which stands at `path`, that are none or whose block is missing."""
    for tool, values in _VALUES.items():
        value = getattr(table, tool)
        where = (*path, tool)
        if value and value not in values:
            yield from rules.among(where, (value,), values)
        elif value and value not in _NO_BLOCKS and value not in recipe.block_names:
            hint = f"add {names.quote(value)} to [toolchain].blocks"
            needs = (where, ("toolchain", "blocks"), EXTENDED)
            yield Finding(where, f"the block {names.quote(value)} is missing", hint, needs=needs)
    if table.compiler and {"CC", "CXX"} & recipe.build.environment.keys():
        hint = "name it in one of the two"
        yield Finding((*path, "compiler"), "[build].environment names a compiler too", hint)


def as_options(recipe: "Recipe") -> "Recipe":
    """The recipe with an option for each tool that is named, or whose blocks leave a choice."""
    options = {}
    for tool, values in _VALUES.items():
        tables = (recipe.build, *recipe.variants.values())
        named = any(getattr(table, tool) for table in tables)
        blocks = [value for value in values if value in recipe.block_names]
        if named or len(blocks) > (tool == "compiler"):
            here = tuple(v for v in values if v in _NO_BLOCKS or v in blocks)
            chosen = getattr(recipe.build, tool) or values[0]
            options[variable(tool)] = Option(default=chosen, values=here)
    variants = {
        name: dataclasses.replace(variant, options=variant.options | _of(variant))
        for name, variant in recipe.variants.items()
    }
    return dataclasses.replace(recipe, options=recipe.options | options, variants=variants)


def _of(variant: "Variant") -> dict[str, str]:
    return {variable(tool): value for tool in _VALUES if (value := getattr(variant, tool))}


def variable(name: str) -> str:
    """The variable of what people set by `name`, a tool or an option of the project's."""
    return f"{_PREFIX}{name.upper()}" if name in _VALUES else name


def shown(option: str) -> str:
    """The name that people know an option by; the opposite of `variable`."""
    tool = option.removeprefix(_PREFIX).lower()
    return tool if variable(tool) == option else option
