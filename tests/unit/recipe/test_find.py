"""Which recipe is meant."""

from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.recipe.load import find

RECIPE = '[project]\nname = "x1"\n'


def write(path: Path, text: str = RECIPE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refused(start: Path, chosen: str | None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find(start, chosen)
    return caught.value


def test_the_nearest_folder_wins(tmp_path: Path) -> None:
    outer = write(tmp_path / "pdbuild.toml")
    inner = write(tmp_path / "a" / "recipes" / "app.toml")
    (tmp_path / "a" / "b").mkdir()
    assert find(tmp_path, None) == outer
    assert find(tmp_path / "a" / "b", None) == inner
    assert find(tmp_path / "a" / "recipes", None) == inner


def test_blocks_and_templates_are_no_recipes(tmp_path: Path) -> None:
    write(tmp_path / "recipes" / "toolchain" / "gcc.toml")
    write(tmp_path / "recipes" / "common.toml", '[base]\nsuite = "trixie"\n')
    assert "no recipe in" in refused(tmp_path, None).message
    app = write(tmp_path / "recipes" / "app.toml")
    assert find(tmp_path, None) == app


def test_a_broken_recipe_still_counts(tmp_path: Path) -> None:
    broken = write(tmp_path / "recipes" / "app.toml", RECIPE + "version = \n")
    assert find(tmp_path, None) == broken


def test_several_need_a_choice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / "recipes" / f"{name}.toml")
    error = refused(tmp_path, None)
    assert "one, two" in error.message and "--recipe one" in error.hint
    assert find(tmp_path, "two").name == "two.toml"
    assert find(tmp_path / "recipes", "two").name == "two.toml"


def test_none_found(tmp_path: Path) -> None:
    assert refused(tmp_path, None).hint == "`pdbuild init` writes one"
    assert refused(tmp_path / "not" / "there", None).exit_code == 2


def test_chosen_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x" / "pdbuild.toml")
    assert find(tmp_path, "x/pdbuild.toml") == path
    assert find(tmp_path, "./x/") == path
    assert find(Path("/"), str(path)) == path
    monkeypatch.chdir(tmp_path)
    assert find(Path(), "x/pdbuild.toml") == Path("x/pdbuild.toml")


@pytest.mark.parametrize("chosen", ["", "\0", "no", "no.toml", "no/such", "..", "/", "x" * 5000])
def test_chosen_but_not_there(chosen: str, tmp_path: Path) -> None:
    write(tmp_path / "recipes" / "paddle.toml")
    assert refused(tmp_path, chosen).message


@pytest.mark.parametrize("chosen", ["padle", "recipes/padle.toml"])
def test_did_you_mean(chosen: str, tmp_path: Path) -> None:
    write(tmp_path / "recipes" / "paddle.toml")
    assert "did you mean" in refused(tmp_path, chosen).hint
