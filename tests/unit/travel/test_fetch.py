"""What cannot be carried is refused before anything is asked for."""

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
