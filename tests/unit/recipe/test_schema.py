"""The JSON schema: every recipe and block in the tree fits it, and mistakes do not."""

import copy
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pdbuild.recipe import schema

CHECKOUT = Path(__file__).parents[3]
RECIPES = sorted(
    path
    for folder in ("recipes", "examples", "tests/recipes", "docs")
    for path in (CHECKOUT / folder).rglob("*.toml")
    if path.parent.name != "toolchain" and path.name != "pyproject.toml"
)
BLOCKS = sorted((CHECKOUT / "recipes" / "toolchain").glob("*.toml"))


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def check(instance: object, against: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(against).validate(instance)


def test_both_are_schemas() -> None:
    for made in (schema.recipe(), schema.block()):
        jsonschema.Draft202012Validator.check_schema(made)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: str(p.relative_to(CHECKOUT)))
def test_every_recipe_fits(path: Path) -> None:
    check(read(path), schema.recipe())


@pytest.mark.parametrize("path", BLOCKS, ids=lambda p: p.stem)
def test_every_block_fits(path: Path) -> None:
    check(read(path), schema.block())


def test_there_are_recipes_and_blocks() -> None:
    assert len(RECIPES) >= 4 and len(BLOCKS) >= 8


MISTAKES: list[Callable[[dict[str, Any]], Any]] = [
    lambda r: r.update(projct={}),
    lambda r: r["project"].update(nmae="x"),
    lambda r: r["project"].update(platforms="linux/amd64"),
    lambda r: r["toolchain"].update(blocks=[1]),
    lambda r: r["toolchain"].update(nvcc="13"),
    lambda r: r["options"].update(lower={"default": "ON"}),
    lambda r: r["options"]["GPU"].update(default=True),
    lambda r: r["variants"]["cpu"].update(GPU=True),
    lambda r: r["variants"]["cpu"].update(gpu="ON"),
    lambda r: r["variants"].update(Cpu={}),
    lambda r: r["base"].update(distribution="gentoo"),
    lambda r: r["image"].update(expose=["8888"]),
    lambda r: r.update(extends=3),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_does_not_fit(mistake: Callable[[dict[str, Any]], Any]) -> None:
    recipe = copy.deepcopy(read(CHECKOUT / "recipes" / "paddle.toml"))
    check(recipe, schema.recipe())
    mistake(recipe)
    with pytest.raises(jsonschema.ValidationError):
        check(recipe, schema.recipe())


def test_a_block_needs_its_check() -> None:
    block = read(CHECKOUT / "recipes" / "toolchain" / "gcc.toml")
    del block["check"]
    with pytest.raises(jsonschema.ValidationError, match="check"):
        check(block, schema.block())


def test_every_key_is_described() -> None:
    def keys(node: dict[str, Any], where: str) -> list[str]:
        found = []
        for name, inner in node.get("properties", {}).items():
            if not inner.get("description"):
                found.append(f"{where}.{name}")
            found += keys(inner, f"{where}.{name}")
        return found

    assert keys(schema.recipe(), "") == []
    assert keys(schema.block(), "") == []


def test_the_verb_prints_them() -> None:
    for words, made in (([], schema.recipe()), (["--block"], schema.block())):
        argv = [sys.executable, "-m", "pdbuild", "schema", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == made
