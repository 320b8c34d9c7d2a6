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
    """The recipe with an option for each tool that is named, or whose blocks leave a choice.

    Variants differ by a tool when one of them names it: each has it among its options then.
    """
    for tool, values in _VALUES.items():
        usual = getattr(recipe.build, tool)
        named = {name: getattr(variant, tool) for name, variant in recipe.variants.items()}
        blocks = [value for value in values if value in recipe.block_names]
        if usual or any(named.values()) or len(blocks) > (tool == "compiler"):
            recipe = _with(recipe, tool, usual or values[0], named if any(named.values()) else {})
    return recipe


def _with(recipe: "Recipe", tool: str, usual: str, named: dict[str, str]) -> "Recipe":
    """The recipe with the option of one tool, which `named` says of each variant, if at all."""
    values = (v for v in _VALUES[tool] if v in (*_NO_BLOCKS, *recipe.block_names))
    chosen = {name: value or usual for name, value in named.items()}
    option = Option(default=chosen.get(recipe.default_variant, usual), values=tuple(values))
    variants = {
        name: dataclasses.replace(variant, options=variant.options | {variable(tool): chosen[name]})
        if chosen
        else variant
        for name, variant in recipe.variants.items()
    }
    options = recipe.options | {variable(tool): option}
    return dataclasses.replace(recipe, options=options, variants=variants)


def variable(name: str) -> str:
    """The variable of what people set by `name`, a tool or an option of the project's."""
    return f"{_PREFIX}{name.upper()}" if name in _VALUES else name


def shown(option: str) -> str:
    """The name that people know an option by; the opposite of `variable`."""
    tool = option.removeprefix(_PREFIX).lower()
    return tool if variable(tool) == option else option
