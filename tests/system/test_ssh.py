"""`pdbuild ssh` as an ordinary user: ssh, scp, rsync, forwarded ports, keys, and no passwords."""

import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import Project, give


@pytest.fixture(scope="module")
def line(hello: Project) -> Iterator[list[str]]:
    """The words that `pdbuild ssh` prints: `ssh -F FILE hello-dev`."""
    for program in ("ssh", "scp", "rsync"):
        if shutil.which(program) is None:
            pytest.skip(f"NOT RUN: there is no {program} here")
    yield shlex.split(hello.succeeds("ssh"))
    stopped = hello.succeeds("ssh", "--stop")
    assert "stopped" in stopped
    assert hello.succeeds("ssh", "--stop").strip() == "no server runs"


def config(line: list[str]) -> str:
    return line[line.index("-F") + 1]


def port(line: list[str]) -> int:
    found = re.search(r"Port (\d+)", Path(config(line)).read_text())
    assert found
    return int(found[1])


def test_a_session_is_the_caller_with_the_images_environment(
    hello: Project, line: list[str]
) -> None:
    said = hello.runs(*line, "id -un; id -u; pwd; touch /hello/by-ssh; echo $PDBUILD_PROJECT")
    assert said.split() == [
        hello.user.name,
        str(hello.user.uid),
        f"/home/{hello.user.name}",
        "/hello",
    ]
    assert (hello.root / "by-ssh").stat().st_uid == hello.user.uid
    assert hello.runs(*line, "bash -lc 'cmake --version && echo $LANG'").startswith("cmake version")


def test_what_editors_need(hello: Project, line: list[str]) -> None:
    """VS Code Remote unpacks a server in HOME, starts it, and forwards its port."""
    hello.runs(*line, "mkdir -p ~/.vscode-server && tar -C ~/.vscode-server -c . >/dev/null")
    terminal = hello.user.run([*line[:1], "-tt", *line[1:], "tty; exit 3"], timeout=60)
    assert terminal.returncode == 3 and "/dev/pts/" in terminal.stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        local = probe.getsockname()[1]
    forward = ["-o", "ExitOnForwardFailure=yes", "-L", f"{local}:127.0.0.1:{port(line)}"]
    # The command runs only once the port is forwarded.
    with hello.user.start([*line[:1], *forward, *line[1:], "echo ready; cat"]) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        with socket.create_connection(("127.0.0.1", local), 10) as link:
            assert link.recv(4) == b"SSH-"
        process.communicate("", 30)


def test_scp_and_rsync(hello: Project, line: list[str]) -> None:
    file = hello.written("up", "contents\n")
    host = line[-1]
    hello.runs("scp", "-q", "-F", config(line), str(file), f"{host}:/hello/copied")
    assert (hello.root / "copied").read_text() == "contents\n"
    assert (hello.root / "copied").stat().st_uid == hello.user.uid
    shell = f"ssh -F {config(line)}"
    hello.runs("rsync", "-a", "-e", shell, f"{hello.root}/src/", f"{host}:/hello/mirror/")
    assert (hello.root / "mirror/main.cc").read_text() == (hello.root / "src/main.cc").read_text()
    assert (hello.root / "mirror/main.cc").stat().st_uid == hello.user.uid
    shutil.rmtree(hello.root / "mirror")  # other tests look for sources in this project


def test_keys_are_the_only_way_in(hello: Project, line: list[str]) -> None:
    quiet = ["-o", "BatchMode=yes"]
    keyless = [*line[:1], *quiet, "-o", "PubkeyAuthentication=no", *line[1:], "true"]
    done = hello.user.run(keyless, timeout=60)
    assert done.returncode == 255
    assert "Permission denied (publickey)." in done.stderr
    for other in ("root", "daemon"):
        done = hello.user.run([*line[:1], *quiet, "-l", other, *line[1:], "true"], timeout=60)
        assert done.returncode == 255 and "Permission denied (publickey)." in done.stderr


def test_it_listens_on_loopback_alone(line: list[str]) -> None:
    listening = {
        tuple(words[1].split(":"))
        for file in ("/proc/net/tcp", "/proc/net/tcp6")
        for words in map(str.split, Path(file).read_text().splitlines()[1:])
        if words[3] == "0A"
    }
    ours = [address for address, number in listening if int(number, 16) == port(line)]
    assert ours == ["0100007F"]


def test_private_keys_are_private_and_the_images_has_none(hello: Project, line: list[str]) -> None:
    folder = hello.user.home / ".local/share/pdbuild/ssh"
    assert folder.stat().st_mode & 0o077 == 0
    before = (folder / "host_key.pub").read_text()
    for name in ("host_key", "id_ed25519"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    assert hello.succeeds("shell", "--", "sh", "-c", "ls /etc/ssh").count("host") == 0
    assert "id_ed25519" not in hello.runs(*line, "ls /run/pdbuild/ssh")
    assert (folder / "host_key.pub").read_text() == before


def test_a_second_one_takes_another_port_and_config_names_it(
    hello: Project, line: list[str]
) -> None:
    settings = hello.user.home / ".ssh/config"
    settings.parent.mkdir(mode=0o700, exist_ok=True)
    settings.write_text("Host elsewhere\n    Port 99\n")
    give(hello.user, settings.parent)
    key = hello.user.home / "own"
    hello.runs("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    printed = shlex.split(hello.succeeds("ssh", "--config", "--key", f"{key}.pub"))
    assert printed[0] == "ssh" and printed[1].startswith("hello-dev-")
    number = int(printed[1].rpartition("-")[2])
    assert number != port(line)
    # ssh takes the home from the account; a root test says it aloud.
    told = hello.runs("ssh", "-G", "-F", str(settings), printed[1])
    assert f"port {number}\n" in told
    elsewhere = hello.runs("ssh", "-G", "-F", str(settings), "elsewhere")
    assert "port 99\n" in elsewhere
    assert hello.runs("ssh", "-F", str(settings), printed[1], "hostname").strip() == "hello-dev"
    # One's own key does as well.
    options = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"]
    options += ["-F", "none", "-o", "UserKnownHostsFile=/dev/null", "-p", str(number)]
    hello.runs("ssh", *options, f"{hello.user.name}@127.0.0.1", "true")
    again = shlex.split(hello.succeeds("ssh", "--config"))
    assert again[1] != printed[1]
    assert settings.read_text().count("Include") == 1
    secret = hello.pdbuild("ssh", "--key", str(key))
    assert secret.returncode == 2 and "that is the private key" in secret.stderr


def test_a_server_that_was_killed_is_no_obstacle(hello: Project, line: list[str]) -> None:
    first = shlex.split(hello.succeeds("ssh"))
    name = Path(config(first)).stem
    hello.runs("podman", "kill", name)
    second = shlex.split(hello.succeeds("ssh"))
    assert hello.runs(*second, "echo in").strip() == "in"
    assert os.path.basename(config(second))  # noqa: PTH119
    assert not Path(config(first)).exists() or config(first) == config(second)


def test_a_project_without_sshd_says_what_to_add(hello: Project) -> None:
    recipe = (hello.root / "pdbuild.toml").read_text().replace(', "sshd"', "")
    other = hello.user.home / "without"
    other.mkdir(exist_ok=True)
    (other / "pdbuild.toml").write_text(recipe)
    give(hello.user, other)
    done: subprocess.CompletedProcess[str] = hello.user.run([hello.program, "ssh"], cwd=other)
    assert done.returncode == 2
    assert 'add "sshd" to [toolchain] blocks' in done.stderr
