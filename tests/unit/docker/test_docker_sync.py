"""What a bake makes is put into Docker, too, where an engine answers."""

from pathlib import Path

import pytest
from system.small import image

from pdbuild import docker
from pdbuild.container import docker as by_docker
from pdbuild.container import host, loading, sync
from pdbuild.docker import Docker, images
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Layout, Manifest
from pdbuild.platforms import PLATFORMS
from pdbuild.store import Store

NAME = "localhost/t:1"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with an image for two platforms, on a machine without podman."""
    made = Store(tmp_path / "store")
    image(made, tmp_path / "layers", NAME, b"one")
    monkeypatch.setattr(host, "loadable", lambda: False)
    monkeypatch.setattr(loading.platforms, "native", lambda: PLATFORMS["linux/arm64"])
    monkeypatch.setattr(docker, "find", lambda: Docker(version="26.1"))
    monkeypatch.setattr(docker, "require", lambda: Docker(version="26.1"))
    return made


def test_the_image_of_this_machine_is_loaded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    platforms: dict[str, str] = {}

    def load(engine: Docker, layout: Layout, wanted: dict[str, Manifest]) -> tuple[str, ...]:
        platforms.update({name: layout.config(m).platform for name, m in wanted.items()})
        return ()

    monkeypatch.setattr(images, "load", load)
    sync.load(store, [NAME])
    assert platforms == {NAME: "linux/arm64"}
    by_docker.load(store, ["t:1"], "linux/amd64")
    assert platforms == {NAME: "linux/amd64"}
    with pytest.raises(UsageError, match="not there for linux/riscv64"):
        by_docker.load(store, [NAME], "linux/riscv64")


def test_an_engine_that_refuses_is_told_and_no_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> tuple[str, ...]:
        raise EngineError("docker: no space left on device")

    monkeypatch.setattr(images, "load", load)
    sync.load(store, [NAME])
    said = "the image store has images that Docker has not: docker: no space left on device\n"
    assert capsys.readouterr().err == said


def test_without_an_engine_nothing_is_done(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "find", lambda: None)
    monkeypatch.delattr(by_docker, "load")
    sync.load(store, [NAME])
