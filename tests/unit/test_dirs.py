"""Where state is kept, by the environment."""

from pathlib import Path

import pytest

from pdbuild import dirs


def test_folders_are_those_of_the_xdg_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("PDBUILD_CACHE_DIR", "PDBUILD_DATA_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(kind, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dirs.cache_path() == tmp_path / ".cache/pdbuild"
    assert dirs.data_path() == tmp_path / ".local/share/pdbuild"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", " ")
    assert dirs.cache_path() == tmp_path / "c/pdbuild"
    assert dirs.data_path() == tmp_path / ".local/share/pdbuild"
    monkeypatch.setenv("PDBUILD_CACHE_DIR", "mine")
    assert dirs.cache_path() == Path.cwd() / "mine"
