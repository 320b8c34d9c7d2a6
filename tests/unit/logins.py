"""Where podman and docker keep whom registries know the user as: a home of the test's own."""

import json
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty, and no variable names another place."""
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "session"))
    monkeypatch.setenv("PDBUILD_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def written(file: Path, content: object) -> None:
    """A file of theirs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
