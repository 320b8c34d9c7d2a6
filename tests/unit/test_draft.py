"""The recipe that `pdbuild app init` writes for the application in a folder."""

from pathlib import Path

import pytest

from pdbuild import draft
from pdbuild.errors import UsageError
from pdbuild.recipe.load import load
from pdbuild.recipe.types import App

IMAGE = "localhost/paddle:0.1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "My Book"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def written(here: Path) -> App:
    path = draft.write(here, IMAGE)
    recipe = load(path, blocks_dir=here)  # which finds no mistake
    assert recipe.app and recipe.only_app
    assert (recipe.app.name, recipe.app.image) == ("my-book", IMAGE)
    return recipe.app


def test_of_notebooks(here: Path) -> None:
    (here / "requirements.txt").write_text("notebook\n")
    (here / "one.ipynb").write_text("{}")
    app = written(here)
    assert (app.requirements, app.command[0]) == ("requirements.txt", "jupyter")
    assert app.expose == (8080,)


def test_of_a_program(here: Path) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    (here / "serve.py").touch()
    app = written(here)
    assert (app.requirements, app.command) == ("pyproject.toml", ("/my-book/serve.py",))


def test_of_neither(here: Path) -> None:
    (here / "requirements.txt").touch()
    assert written(here).command == ()


def test_what_keeps_it_from_being_written(here: Path) -> None:
    with pytest.raises(UsageError, match=r"neither requirements.txt nor pyproject.toml"):
        draft.write(here, IMAGE)
    (here / "requirements.txt").touch()
    with pytest.raises(UsageError, match="no production image") as caught:
        draft.write(here)
    assert "--from" in caught.value.hint
    draft.write(here, IMAGE)
    with pytest.raises(UsageError, match=r"there is a pdbuild.toml already"):
        draft.write(here, IMAGE)
