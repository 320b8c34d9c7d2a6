"""Which Docker Engine there is, and what is said of one that does not answer."""

import json
from pathlib import Path

import pytest
from docker_bits import client

from pdbuild import docker
from pdbuild.docker import Docker
from pdbuild.errors import EngineError

_INFO = {
    "ServerVersion": "20.10.24+dfsg1",
    "SecurityOptions": ["name=seccomp,profile=default"],
    "DriverStatus": [["Backing Filesystem", "extfs"]],
}


def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> Docker | None:
    client(tmp_path, monkeypatch, json.dumps(_INFO | changes))
    return docker.find()


def test_an_engine_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = answering(tmp_path, monkeypatch)
    assert found == Docker(version="20.10.24+dfsg1")
    assert found.numbers == (20, 10, 24)


def test_a_rootless_one_and_one_with_containerds_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answering(
        tmp_path,
        monkeypatch,
        ServerVersion="29.0.1",
        SecurityOptions=["name=seccomp,profile=builtin", "name=rootless"],
        DriverStatus=[["driver-type", "io.containerd.snapshotter.v1"]],
    )
    assert found == Docker(version="29.0.1", rootless=True, whole_images=True)


def test_podman_that_answers_in_its_place_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answering(tmp_path, monkeypatch, ServerVersion="4.3.1") is None


def test_without_a_client_or_a_socket_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = client(tmp_path, monkeypatch, json.dumps(_INFO))
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(docker, "_SOCKET", tmp_path / "docker.sock")
    assert docker.find() is None
    assert json.loads(state.read_text())["asked"] == []
    (tmp_path / "config.json").write_text('{"currentContext": "desktop-linux"}')
    assert docker.find() is not None
    (tmp_path / "bin" / "docker").unlink()
    assert docker.find() is None
    with pytest.raises(EngineError, match="docker is not installed"):
        docker.require()


@pytest.mark.parametrize("code", [0, 1])  # older clients succeed all the same
def test_what_the_client_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    said = "permission denied while trying to connect to the docker API at unix:///x"
    client(tmp_path, monkeypatch, json.dumps({"ServerErrors": [said]}), code)
    assert docker.find() is None
    with pytest.raises(EngineError, match="permission denied while trying") as error:
        docker.require()
    assert "group docker" in error.value.hint
