"""As whom registries know the user: podman's files and docker's, as the other one reads them."""

import json
from pathlib import Path

import pytest
from logins import home, written

from pdbuild import login
from pdbuild.engine import credentials

__all__ = ["home"]  # a fixture

HUB = "https://index.docker.io/v1/"
PODMAN = {"auths": {"a.example": {"auth": "podman"}, "a.example/team": {"auth": "team"}}}


def test_buildah_finds_what_either_has(home: Path) -> None:
    written(home / "session/containers/auth.json", PODMAN)
    dockers = {"auths": {"a.example": {"auth": "docker"}, HUB: {"auth": "hub"}}}
    written(home / ".docker/config.json", dockers)
    assert login.for_podman(["a.example"]) == PODMAN
    assert login.for_podman(["docker.io"]) == {"auths": {"docker.io": {"auth": "hub"}}}
    assert login.for_podman(["nowhere.example"]) == {}
    written(home / ".docker/config.json", {"credsStore": "keys"})
    both = login.for_podman(["a.example", "b.example"])
    assert both == PODMAN | {"credHelpers": {"b.example": "keys"}}


def test_buildkit_finds_what_podman_has(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(home / ".docker/config.json", {"auths": {"a.example": {"auth": "docker"}}})
    assert login.for_docker() == {}  # buildx finds that by itself
    mine = {"auths": {"docker.io": {"auth": "hub"}}, "credHelpers": {"h.example": "keys"}}
    written(home / ".config/containers/auth.json", mine)
    written(home / "session/containers/auth.json", PODMAN)
    dockers = {"auths": {"a.example": {"auth": "docker"}, "b.example": {"auth": "b"}}}
    settings = {"credsStore": "store", "currentContext": "far", "proxies": {}}
    written(home / ".docker/config.json", dockers | settings)
    found = login.for_docker()
    assert found["auths"] == {
        "a.example": {"auth": "podman"}, HUB: {"auth": "hub"}, "b.example": {"auth": "b"},
    }  # fmt: skip
    assert found["credHelpers"] == {"a.example": "", HUB: "", "h.example": "keys"}
    assert found["credsStore"] == "store" and found["proxies"] == {}
    assert "currentContext" not in found  # it would be looked for beside this file
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "named.json"))
    assert login.for_docker() == {}
    written(home / "named.json", PODMAN)
    assert login.for_docker()["auths"]["a.example"] == {"auth": "podman"}


def test_buildx_has_them_for_as_long_as_it_runs(home: Path) -> None:
    with credentials.for_buildx() as given:
        assert given == {}
    written(home / "session/containers/auth.json", PODMAN)
    gone = home / "run/login-4194305-x"
    gone.parent.mkdir(mode=0o700)
    gone.mkdir()
    with credentials.for_buildx() as given, credentials.for_buildx():
        file = Path(given["DOCKER_CONFIG"], "config.json")
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["auths"] == {"a.example": {"auth": "podman"}}
    assert not list((home / "run").iterdir())
