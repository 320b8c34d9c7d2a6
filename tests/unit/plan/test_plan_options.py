"""Which variant and values `pdbuild build` takes."""

from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.plan.options import choose
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe

RECIPE = """
project.name = "x1"
options.A.default = "ON"
options.B.default = "OFF"
options.T.default = "OFF"
build.develop = { T = "ON" }
variants.plain = { A = "ON", B = "OFF", default = true }
variants.both = { A = "ON", B = "ON" }
variants.none = { A = "OFF", B = "OFF", T = "OFF" }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "r.toml").write_text(RECIPE)
    return load(tmp_path / "r.toml", blocks_dir=tmp_path)


@pytest.mark.parametrize(
    ("variant", "settings", "expected", "values"),
    [
        ("", {}, "plain", "A=ON B=OFF T=ON"),
        ("", {"B": "ON"}, "both", "A=ON B=ON T=ON"),
        ("", {"T": "OFF"}, "plain", "A=ON B=OFF T=OFF"),
        ("", {"A": "OFF", "T": "OFF"}, "none", "A=OFF B=OFF T=OFF"),
        # What a variant is defined by stands above what develops.
        ("none", {}, "none", "A=OFF B=OFF T=OFF"),
        ("both", {"T": "OFF"}, "both", "A=ON B=ON T=OFF"),
    ],
)
def test_choices(
    recipe: Recipe, variant: str, settings: dict[str, str], expected: str, values: str
) -> None:
    chosen = choose(recipe, variant, settings)
    assert (chosen.variant, str(chosen)) == (expected, values)


@pytest.mark.parametrize(
    ("variant", "settings", "complaint"),
    [
        ("plane", {}, "no variant 'plane'"),
        ("", {"C": "ON"}, "no option 'C'"),
        ("", {"A": "maybe"}, "--set A=maybe: not a value"),
        ("both", {"A": "OFF"}, "variant both is defined by A=ON"),
        ("", {"A": "OFF", "B": "ON"}, "no variant has these options"),
    ],
)
def test_refusals(recipe: Recipe, variant: str, settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(recipe, variant, settings)
    assert complaint in caught.value.message and caught.value.hint
