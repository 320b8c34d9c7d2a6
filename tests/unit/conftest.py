"""Fixtures of several modules."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout_bits import checkout, pristine

from pdbuild import docker

__all__ = ["checkout", "pristine"]


@pytest.fixture(autouse=True)
def no_docker_of_this_machine() -> Iterator[None]:
    """No test says another thing where an engine runs."""
    # Of its own: the tests' one is undone in an order that they count on.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker, "_SOCKET", Path("/nowhere/docker.sock"))
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, in which pdbuild's state of this test is, and none of the caller's."""
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    return tmp_path
