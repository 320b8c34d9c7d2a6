"""The words of `pdbuild app`: one action each, with options of its own."""

import argparse
from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.recipe import load
from pdbuild.verbs import app


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pdbuild app", exit_on_error=False)
    app.configure(parser)
    return app.parse(parser, list(words))


def test_the_programs_words_stand_behind_run() -> None:
    found = parsed("run", "-d", "-p", "9000:8080", "serve.py", "--fast", "-d")
    assert (found.action, found.detach, found.port) == ("run", True, ["9000:8080"])
    assert found.program == ["serve.py", "--fast", "-d"]
    assert parsed("run").program == []


def test_each_action_has_its_own_options() -> None:
    assert parsed("lock", "--upgrade").upgrade
    assert parsed("logs", "-f").follow and parsed("stop", "--timeout=3", "x").timeout == 3
    assert parsed("init", "--from", "localhost/paddle:1").image == "localhost/paddle:1"
    with pytest.raises(SystemExit):
        parsed("stop", "--upgrade")


def recipes(folder: Path, **texts: str) -> None:
    (folder / "recipes").mkdir()
    for name, text in texts.items():
        (folder / "recipes" / f"{name}.toml").write_text(text)


def test_the_recipe_that_has_an_application_is_meant(tmp_path: Path) -> None:
    recipes(tmp_path, paddle="project.name = 'p1'", book="extends = 'paddle.toml'\napp.name = 'b1'")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert load.with_app(below) == str(tmp_path / "recipes/book.toml")
    assert load.known(below) == ("book", "paddle")
    # Without a word, the project is meant.
    assert load.find(below, None).name == "paddle.toml"
    (tmp_path / "a" / "pdbuild.toml").touch()
    assert load.with_app(below) is None


def test_one_of_several_must_be_named(tmp_path: Path) -> None:
    recipes(tmp_path, one="app.name = 'b1'", two="app.name = 'b2'", broken="app = [")
    with pytest.raises(UsageError, match="several applications: one, two"):
        load.with_app(tmp_path)
