"""What making and rendering a plan takes grows with the number of variants, not with its square."""

import sys
from pathlib import Path
from types import FrameType

from pdbuild import definition
from pdbuild.plan.types import Request
from pdbuild.recipe.load import load
from pdbuild.render import bakefile
from pdbuild.resolve import resolve

CHECKOUT = Path(__file__).parents[3]


def recipe(variants: int) -> str:
    """A recipe with that many variants: each value of an option, and a package, image and pages."""
    values = [str(number) for number in range(variants)]
    entries = [f'x{v} = {{ LEVEL = "{v}"{", default = true" * (v == "0")} }}' for v in values]
    lines = "\n".join(entries)
    return f"""
[project]
name = "many"
[options]
LEVEL = {{ default = "0", values = {values}, cmake = "LEVEL", define = "LEVEL" }}
TEST = {{ default = "OFF", cmake = "TESTING" }}
[variants]
{lines}
[package]
maintainer = "A <a@example.org>"
description = "has many variants"
depends = ["less"]
[image]
command = ["many"]
[docs]
"""


def render(path: Path) -> int:
    """Load the recipe, plan everything and render it; the bytes of both texts."""
    loaded = load(path, blocks_dir=path.parent, hooks_dir=CHECKOUT / "hooks")
    plan = resolve(loaded, Request())
    text = definition.render_containerfile(plan, path.name, "pdbuild bake")
    bake = bakefile.render(plan, containerfile="/c", contexts={}, secrets={"ca": "/ca"})
    return len(text) + len(bake)


def calls(folder: Path, variants: int) -> int:
    """How many functions are called, Python's and C's, until both texts are there."""
    (folder / "docs").mkdir(exist_ok=True)
    path = folder / "pdbuild.toml"
    path.write_text(recipe(variants))
    render(path)  # what is imported and made once
    count = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        render(path)
    finally:
        sys.setprofile(None)
    return count


def test_twice_the_variants_are_twice_the_work(tmp_path: Path) -> None:
    few, many = (calls(tmp_path, variants) for variants in (100, 200))
    assert many < 2.2 * few
