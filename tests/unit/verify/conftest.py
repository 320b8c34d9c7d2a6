from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read of files is kept in a cache directory of the test's own."""
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
