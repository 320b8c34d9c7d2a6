"""Docker's command lines, as text; and which of podman and Docker runs a program."""

import json
import os
from pathlib import Path

import pytest
from docker_bits import client

from pdbuild import account, dirs, docker
from pdbuild.account import Account, Rung
from pdbuild.container import Container, Mount, host, runtimes
from pdbuild.container import docker as by_docker
from pdbuild.container.host import Host
from pdbuild.docker import Docker
from pdbuild.errors import EngineError, UsageError

ENGINE = Docker(version="20.10.24")


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    monkeypatch.setattr("pdbuild.container.docker.limits", lambda: ("--ulimit=nofile=1:2",))
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path))


def argv(container: Container, engine: Docker = ENGINE) -> list[str]:
    return by_docker.run_argv(container, engine, name="c1", id_file=Path("/run/id"))


def test_a_whole_command_line() -> None:
    container = Container(
        image="localhost/paddle:0.1.0",
        argv=("/work/a.py", "--fast"),
        env=(("A", "b c"),),
        mounts=(Mount(source=Path("/home/me"), target="/work"),),
        workdir="/work",
        entrypoint="/bin/e",
        tty=True,
        project="paddle",
    )
    assert argv(container) == [
        "docker",
        "run",
        "--name=c1",
        "--pull=never",
        "--label=pdbuild.project=paddle",
        "--rm",
        "--log-driver=none",
        "--interactive",
        "--tty",
        "--cidfile=/run/id",
        "--init",
        "--security-opt=label=disable",
        "--ulimit=nofile=1:2",
        "--user=1000:100",
        "--env=HOME=/home/user",
        "--tmpfs=/home/user:rw,exec,nosuid,nodev,mode=1777",
        "--network=host",
        "--mount=type=bind,source=/home/me,target=/work",
        "--workdir=/work",
        "--entrypoint=/bin/e",
        "--env=A=b c",
        "localhost/paddle:0.1.0",
        "/work/a.py",
        "--fast",
    ]


def test_root_of_a_rootless_engine_is_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--user=0:0" in argv(Container(image="i"), Docker(version="27.1", rootless=True))
    with pytest.raises(EngineError, match="root inside is root outside"):
        argv(Container(image="i", user="0:0"))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert "--user=0:0" in argv(Container(image="i"))


def test_cdi_needs_an_engine_that_reads_it() -> None:
    container = Container(image="i", devices=("example.org/thing=all", "/dev/null"))
    assert "--device=example.org/thing=all" in argv(container, Docker(version="25.0.1"))
    with pytest.raises(EngineError, match=r"20\.10\.24 knows devices by their nodes alone"):
        argv(container)
    assert "--device=/dev/null" in argv(Container(image="i", devices=("/dev/null",)))


def no_podman() -> Host:
    raise EngineError("podman is not installed", hint="apt install podman")


def test_podman_is_preferred_and_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "find", lambda: Host(podman="podman"))
    monkeypatch.setattr(docker, "find", lambda: ENGINE)
    for _ in range(2):
        assert runtimes.choose("", said.append).name == "podman"
    assert said == ["runtime: podman (a Docker Engine is here, too: --runtime docker)"]
    assert (dirs.cache_dir() / "runtime-said").exists()


def test_nothing_is_said_where_there_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "find", lambda: Host(podman="podman"))
    monkeypatch.setattr(docker, "find", lambda: None)
    assert runtimes.choose("", said.append).name == "podman"
    assert said == []


def test_docker_takes_the_place_of_a_podman_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "find", no_podman)
    monkeypatch.setattr(docker, "find", lambda: ENGINE)
    for _ in range(2):
        assert runtimes.choose("", said.append).name == "docker"
    assert said == ["runtime: docker 20.10.24 (podman is not installed)"]


def test_namespaces_alone_take_the_place_of_podman_and_docker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "find", no_podman)
    monkeypatch.setattr(docker, "find", lambda: None)
    monkeypatch.setattr(account, "find", lambda: Account(rung=Rung.B, why="one id"))
    monkeypatch.setattr(host, "loadable", lambda: False)
    for _ in range(2):
        assert runtimes.choose("", said.append) is runtimes.UNSHARE
    assert runtimes.needing_nothing(said.append) is runtimes.UNSHARE
    assert said == ["runtime: unshare (podman is not installed)"]
    # One that is there and does not work is to be mended.
    monkeypatch.setattr(host, "loadable", lambda: True)
    with pytest.raises(EngineError, match="podman is not installed"):
        runtimes.choose("", said.append)
    assert runtimes.needing_nothing(said.append) is None
    # Where there are no namespaces, it is no way either.
    monkeypatch.setattr(account, "find", lambda: Account(rung=Rung.C, why="none"))
    monkeypatch.setattr(host, "loadable", lambda: False)
    monkeypatch.setattr("pdbuild.container.unpacked.find", lambda: "")
    with pytest.raises(EngineError, match="podman is not installed"):
        runtimes.choose("", said.append)


def test_what_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "find", no_podman)
    assert runtimes.choose("podman", print).name == "podman"  # which says itself what it lacks
    client(tmp_path, monkeypatch, json.dumps({"ServerErrors": ["Cannot connect"]}))
    with pytest.raises(EngineError, match="docker: Cannot connect"):
        runtimes.choose("docker", print)
    with pytest.raises(UsageError, match="--runtime docker: the state before a step is podman's"):
        runtimes.only_podman("docker", "the state before a step")
