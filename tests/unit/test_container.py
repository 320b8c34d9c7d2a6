"""podman's command lines, as text."""

import os
from pathlib import Path

import pytest

from pdbuild.container import Container, Mount
from pdbuild.container import host as module
from pdbuild.container.host import Host, identity
from pdbuild.container.podman import run_argv
from pdbuild.errors import UsageError

HOST = Host(podman="/usr/bin/podman", flags=("--cgroup-manager=cgroupfs",))


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    monkeypatch.setattr("pdbuild.container.podman.limits", lambda: ("--ulimit=nofile=1:2",))


def argv(container: Container, host: Host = HOST) -> list[str]:
    return run_argv(container, host, name="c1", pid_file=Path("/run/pid"))


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
        "/usr/bin/podman",
        "--cgroup-manager=cgroupfs",
        "--log-level=error",
        "run",
        "--name=c1",
        "--pull=never",
        "--label=pdbuild.project=paddle",
        "--rm",
        "--log-driver=none",
        "--interactive",
        "--tty",
        "--pidfile=/run/pid",
        "--security-opt=label=disable",
        "--ulimit=nofile=1:2",
        "--userns=keep-id",
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


def test_gpu_devices_in_the_command_line_only_never_run_on_a_gpu() -> None:
    words = argv(Container(image="i", devices=("nvidia.com/gpu=all", "/dev/nvidia0")))
    assert "--device=nvidia.com/gpu=all" in words and "--device=/dev/nvidia0" in words


def test_a_private_network_and_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    words = argv(Container(image="i", network="private", ports=("127.0.0.1:80:80",)))
    assert "--publish=127.0.0.1:80:80" in words
    assert not [word for word in words if word.startswith("--network")]
    assert "--network=none" in argv(Container(image="i", network="none"))


def test_ports_need_what_podman_maps_them_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UsageError, match="-p 8080:80: podman cannot map ports here") as caught:
        argv(Container(image="i", network="private", ports=("8080:80",)))
    assert "slirp4netns" in caught.value.hint


def test_an_init_program_when_there_is_one_and_a_terminal() -> None:
    host = Host(podman="podman", init="/usr/bin/catatonit")
    words = argv(Container(image="i", tty=True), host)
    assert words[words.index("--init") + 1] == "--init-path=/usr/bin/catatonit"
    assert "--init" not in argv(Container(image="i"), host)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", ("--userns=keep-id", "--user=1000:100")),
        ("0:0", ("--user=0:0",)),
        ("7:8", ("--userns=keep-id:uid=7,gid=8", "--user=7:8")),
        ("7", ("--userns=keep-id:uid=7,gid=7", "--user=7:7")),
    ],
)
def test_who_the_caller_is_inside(user: str, expected: tuple[str, ...]) -> None:
    assert identity(HOST, user) == expected


def test_without_subordinate_ids_the_caller_is_root_inside() -> None:
    alone = Host(podman="podman", keep_id=False)
    assert identity(alone, "") == identity(alone, "7:8") == ("--user=0:0",)


def test_root_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert identity(HOST, "") == ("--user=0:0",)
    assert identity(HOST, "7:8") == ("--user=7:8",)
    # /root is there and writable.
    assert not [word for word in argv(Container(image="i")) if "HOME" in word]


def test_mounts_quote_what_their_option_would_split() -> None:
    mount = Mount(source=Path('/a,b"c'), target="/w", read_only=True)
    words = argv(Container(image="i", mounts=(mount,)))
    assert '--mount=type=bind,"source=/a,b""c",target=/w,readonly' in words


def test_no_podman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not module.loadable()
    with pytest.raises(module.EngineError, match="podman is not installed"):
        module.find()


@pytest.mark.parametrize(
    ("ranges", "one"),
    [
        ([{"container_id": 0, "host_id": 1000, "size": 1}], True),
        ([{"container_id": 0, "host_id": 1000, "size": 1}, {"host_id": 1, "size": 65536}], False),
        (None, False),  # root's
    ],
)
def test_podman_says_whether_there_is_one_id_alone(
    ranges: list[dict[str, int]] | None, one: bool
) -> None:
    assert module._has_one_id({"host": {"idMappings": {"uidmap": ranges}}}) == one
