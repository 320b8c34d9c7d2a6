"""A place that cannot be written is found before the work, and the other place is named."""

import os
import shutil
from pathlib import Path

import pytest
from checkout_bits import Checkout

from pdbuild import baking, cli, project, writable
from pdbuild.choices import Choices, Options
from pdbuild.errors import PdbuildError
from pdbuild.inner import inside


def refused(root: Path, *, chosen: bool = False) -> tuple[str, str]:
    with pytest.raises(PdbuildError) as raised:
        writable.check(writable.made(root, chosen=chosen), chosen=chosen)
    return raised.value.message, raised.value.hint


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "build").touch()
    message, hint = refused(tmp_path)
    assert message == f"{tmp_path}/build is not a folder"
    assert hint == "move it away, or --output DIR makes DIR/build"
    assert refused(tmp_path / "build/x", chosen=True) == (
        f"{tmp_path}/build/x cannot be made: Not a directory",
        "name another folder in --output",
    )


def test_others_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writable.check(tmp_path, chosen=False)
    denied = {tmp_path}
    # Root, who may run this, is denied nothing.
    monkeypatch.setattr(os, "access", lambda path, mode: path not in denied)
    assert refused(tmp_path)[0] == f"{tmp_path}/build cannot be made"
    (tmp_path / "build").mkdir()
    writable.check(tmp_path, chosen=False)  # what is in it can be, as it is there
    denied.add(tmp_path / "build")
    assert refused(tmp_path, chosen=True) == (
        f"{tmp_path}/build cannot be written to",
        "name another folder in --output",
    )


def test_a_bake_begins_nothing(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / "build")
    (checkout.root / "build").touch()
    checkout.edit("code/a.cc", "a", "b")
    recipe = project.open_recipe(str(checkout.root / "pdbuild.toml"))
    checkout.engine.asked = set()
    for output in ("", str(checkout.root / "README/x")):
        with pytest.raises(PdbuildError, match=r"is not a folder|cannot be made"):
            options = Options(progress="quiet", output=output)
            baking.bake_plan(recipe, checkout.plan(), checkout.engine, options)
    assert checkout.engine.asked == set()


def test_images_alone_need_no_place(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / "build")
    (checkout.root / "build").touch()
    checkout.edit("code/a.cc", "a", "b")
    checkout.choices = Choices(targets=("image-fast",))
    assert checkout.bake() == {"image-fast"}


def test_a_build_begins_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(checkout.root / "build")
    (checkout.root / "build").touch()
    monkeypatch.chdir(checkout.root)
    monkeypatch.delattr(inside, "ready")
    assert cli.main(["build"]) == 1
    assert "hint: move it away, or --output DIR makes DIR/build" in capsys.readouterr().err
