"""What cannot be carried, and where to, is refused before anything is asked for."""

import os
from pathlib import Path

import pytest

from pdbuild import carried
from pdbuild.choices import Options
from pdbuild.errors import UsageError
from pdbuild.plan.types import Request
from pdbuild.platforms import PLATFORMS
from pdbuild.recipe.load import load
from pdbuild.resolve import resolve
from pdbuild.travel.fetch import fetch

REGISTRYS = 'base = { image = "registry.invalid/debian:trixie", bootstrap = false }'
RECIPE = """
project.name = "page"
toolchain.blocks = []
build.hook = "./build.sh"
build.emulate = true
"""


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("file", "file is not a folder"),
        ("file/below.tar", "file is not a folder"),
        ("closed/new", "closed cannot be written to"),
    ],
)
def test_a_place_that_takes_nothing(
    to: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(carried.VARIABLE, raising=False)
    (tmp_path / "pdbuild.toml").write_text(RECIPE)
    for name in ("build.sh", "file"):
        (tmp_path / name).touch()
    (tmp_path / "closed").mkdir()
    # Root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed")
    recipe = load(tmp_path / "pdbuild.toml", blocks_dir=tmp_path)
    with pytest.raises(UsageError, match=why):
        fetch(recipe, resolve(recipe, Request()), Options(), tmp_path / to, print)


@pytest.mark.parametrize("base", ["", REGISTRYS], ids=["bootstrapped", "of a registry"])
def test_what_an_emulator_builds(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "linux/arm64" in PLATFORMS
    monkeypatch.delenv(carried.VARIABLE, raising=False)
    (tmp_path / "pdbuild.toml").write_text(f"{base}{RECIPE}")
    (tmp_path / "build.sh").touch()
    recipe = load(tmp_path / "pdbuild.toml", blocks_dir=tmp_path)
    plan = resolve(recipe, Request(platforms=("linux/arm64",)))
    with pytest.raises(UsageError, match="for linux/arm64 cannot be carried") as raised:
        fetch(recipe, plan, Options(), tmp_path / "to", print)
    assert "emulate = false" in raised.value.hint
    assert not (tmp_path / "to").exists()
