"""Puts a recipe's parameters into the blocks that it names."""

import dataclasses
from collections.abc import Mapping
from string import Template

from pdbuild.recipe.types import Block, Recipe


def resolved(recipe: Recipe) -> tuple[Block, ...]:
    """The recipe's blocks with every `${parameter}` replaced by the recipe's value for it."""
    return tuple(_resolve(block, recipe) for block in recipe.blocks)


def _resolve(block: Block, recipe: Recipe) -> Block:
    given = recipe.toolchain.parameters.get(block.name, {})
    values = {
        name: _text(given.get(name, parameter.default))
        for name, parameter in block.parameters.items()
    }
    return dataclasses.replace(
        block,
        apt=_each(block.apt, values),
        pip=_each(block.pip, values),
        wheels=_each(block.wheels, values),
        cross_wheels=_each(block.cross_wheels, values),
        path=_each(block.path, values),
        environment={k: _put(v, values) for k, v in block.environment.items()},
    )


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ";".join(value)


def _each(texts: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_put(text, values) for text in texts)


def _put(text: str, values: Mapping[str, str]) -> str:
    return Template(text).safe_substitute(values)
