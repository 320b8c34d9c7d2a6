"""`run --runtime`: each that can be had runs a program, for an account with nothing but itself."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.container import RUNTIMES
from system import apptainer, tiny
from system.conftest import User, until_gone
from system.project import Project, give
from system.terminal import press, typed, until
from system.tiny import IMAGE

PROGRAM = """
import os, sys
print(os.getuid(), os.getcwd(), os.environ.get("WORD"), os.path.exists("/bin/busybox"))
open("written", "w").write("here")
open("/tmp/own", "w").write("here")
sys.exit(int(sys.argv[1]))
"""
# What needs no more than Debian's packages; a Docker Engine has tests of its own, in tests/docker.
HERE = tuple(name for name in RUNTIMES if name not in ("docker", "apptainer"))
APPTAINER = ("run", "--runtime=apptainer")


@pytest.fixture(scope="module")
def member(pdbuild_python: Path) -> Iterator[User]:
    """An account without subordinate ids, whose image store has a busybox."""
    with tiny.member(f"pdbruns{os.getpid()}", pdbuild_python) as made:
        yield made


@pytest.fixture
def here(member: User, pdbuild_python: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    root = member.home / request.node.name[:40].replace("[", "-").rstrip("]")
    root.mkdir()
    give(member, root)
    yield Project(user=member, root=root, program=pdbuild_python.parent / "pdbuild")
    shutil.rmtree(root)


@contextlib.contextmanager
def strict(folder: Path) -> Iterator[Path]:
    """A disk without programs, setuid and devices, as some homes are on."""
    folder.mkdir()
    options = "nosuid,nodev,noexec,mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("runtime", HERE)
def test_each_runtime_runs_it(here: Project, runtime: str) -> None:
    here.written("a.py", PROGRAM)
    # The image has no Python: it runs that of the machine. Charliecloud has no read-only mounts.
    python = "/usr:/usr" if runtime == "charliecloud" else "/usr:/usr:ro"
    words = ["run", f"--runtime={runtime}", "-e", "WORD=a b", "-v", python]
    with strict(here.root / "strict") as folder:
        words += ["-v", f"{folder}:/strict:ro"] if runtime != "charliecloud" else []
        done = here.pdbuild(*words, IMAGE, "python3", "a.py", "7")
    own = here.user.uid if runtime == "proot" else 0
    assert (done.returncode, done.stdout) == (7, f"{own} /work a b True\n"), done.stderr
    assert (here.root / "written").stat().st_uid == here.user.uid
    missing = here.pdbuild("run", f"--runtime={runtime}", IMAGE, "nonesuch")
    assert missing.returncode == 127 and "there is no program nonesuch" in missing.stderr
    # Nothing of one program is there for the next, and nothing goes on.
    again = here.pdbuild("run", f"--runtime={runtime}", IMAGE, "sh", "-c", "cat /tmp/own")
    assert again.returncode == 1, again.stdout
    until_gone([int(line.split()[0]) for line in here.user.processes()], 10)


@pytest.mark.parametrize("runtime", [name for name in HERE if name != "podman"])
def test_what_one_has_not_is_refused_by_name(here: Project, runtime: str) -> None:
    refused_by_name(here, runtime, {})


def refused_by_name(here: Project, runtime: str, env: dict[str, str]) -> None:
    words = ("run", f"--runtime={runtime}", "--device=example.org/x=y", IMAGE, "true")
    done = here.pdbuild(*words, env=env)
    assert done.returncode == 2
    assert f"by {runtime} there is no --device example.org/x=y" in done.stderr
    done = here.pdbuild("run", f"--runtime={runtime}", "-d", IMAGE, "true", env=env)
    assert done.returncode == 2 and f"by {runtime} a program ends with pdbuild" in done.stderr


@pytest.mark.long
def test_apptainer_runs_it(here: Project) -> None:
    """Debian sid's, which sees its own /usr: the program is a shell's."""
    text = (
        'echo "$(id -u) $PWD $WORD $HOME $LOGIN_SECRET"; touch written; echo here >/tmp/own;'
        "touch /strict/new || touch /etc/new || exit $1"
    )
    env = apptainer.on_path(here) | {"LOGIN_SECRET": "x", "APPTAINER_BIND": "/nowhere"}
    odd = here.root / 'a,"b"'
    with strict(here.root / "strict") as folder:
        odd.mkdir()
        give(here.user, odd)
        mounts = ("-v", f"{folder}:/strict:ro", "-v", f"{odd}:/odd, too")
        argv = (*APPTAINER, "-e", "WORD=a, $b", *mounts, IMAGE, "sh", "-c", text, "sh", "7")
        done = here.pdbuild(*argv, env=env)
    own = here.user.uid
    assert (done.returncode, done.stdout) == (7, f"{own} /work a, $b /tmp \n"), done.stderr
    assert "/strict/new: Read-only" in done.stderr and "/etc/new: " in done.stderr
    assert (here.root / "written").stat().st_uid == own
    for program, code, said in (
        ("nonesuch", 127, "there is no program nonesuch"),
        ("/nonesuch", 127, "there is no program /nonesuch"),
        ("/etc", 126, "/etc in image"),
    ):
        missing = here.pdbuild(*APPTAINER, IMAGE, program, env=env)
        assert missing.returncode == code and said in missing.stderr, missing.stderr
    # Nothing of one program is there for the next, and nothing goes on.
    again = here.pdbuild(*APPTAINER, IMAGE, "sh", "-c", "cat /tmp/own", env=env)
    assert again.returncode == 1, again.stdout
    # A home as that of the development image's shell.
    shell = ("shell", "--runtime=apptainer", "-e", "HOME=/home/ann", "-v", f"{odd}:/home/ann")
    said = here.succeeds(*shell, IMAGE, "sh", "-c", "cd; pwd; id -u; touch mine", env=env)
    assert said == f"/home/ann\n{own}\n" and (odd / "mine").stat().st_uid == own
    elsewhere = here.pdbuild(*APPTAINER, "-e", "HOME=/root", IMAGE, "true", env=env)
    assert elsewhere.returncode == 2 and "there is no HOME=/root" in elsewhere.stderr
    refused_by_name(here, "apptainer", env)
    until_gone([int(line.split()[0]) for line in here.user.processes()], 10)


def test_signals_reach_a_program_of_namespaces(here: Project) -> None:
    """As by podman: its exit code is ours, each comes once, and one that is not handled ends it."""
    handles = "trap 'echo told; n=$((n + 1))' INT TERM HUP; n=0; echo ready;"
    handles += " until [ $n -gt 0 ]; do sleep 0.1; done; sleep 0.5; exit $n"
    plain = "echo ready; exec sleep 60"
    argv = ("run", "--runtime=unshare", IMAGE, "sh", "-c")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for script, code, said in ((handles, 1, "told\n"), (plain, 128 + number, "")):
            process = here.start(*argv, script)
            assert process.stdout and process.stdout.readline() == "ready\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
            assert (process.returncode, out, err) == (code, said, "")
    for script in (handles, plain):  # the exit code is that of the shell around it
        terminal = typed(here, *argv[:2], "--tty", *argv[2:], script, env={})
        until(terminal, "ready")
        press(terminal, "\x03")
        shown, _ = terminal.communicate(timeout=20)
        assert shown.count("told") == (script == handles), shown
    until_gone([int(line.split()[0]) for line in here.user.processes()], 10)


def test_a_device_of_namespaces(here: Project) -> None:
    argv = ("run", "--runtime=unshare")
    code = "import os, pty; print(os.isatty(pty.openpty()[1]))"
    assert here.succeeds(*argv, "-v/usr:/usr:ro", IMAGE, "python3", "-c", code) == "True\n"
    shown = here.succeeds(*argv, "--device=/dev/zero:/dev/strange", IMAGE, "ls", "/dev/strange")
    assert shown == "/dev/strange\n"
    for name, why in (
        ("/etc/passwd", "/etc/passwd is not a device"),
        ("/dev/no", "there is no /dev/no"),
    ):
        done = here.pdbuild(*argv, f"--device={name}", IMAGE, "true")
        assert done.returncode == 2 and why in done.stderr, done.stderr


@pytest.mark.long
def test_signals_reach_a_program_of_apptainers(here: Project) -> None:
    env = apptainer.on_path(here)
    script = "trap 'echo told; exit 3' INT TERM; echo ready; while :; do sleep 0.1; done"
    argv = (*APPTAINER, IMAGE, "sh", "-c", script)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = here.start(*argv, env=env)
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (128 + number, "told\n"), err
    terminal = typed(here, *APPTAINER, "--tty", *argv[2:], env=env)
    until(terminal, "ready")
    press(terminal, "\x03")
    shown, _ = terminal.communicate(timeout=20)
    assert "told" in shown and terminal.returncode == 130, shown
    until_gone([int(line.split()[0]) for line in here.user.processes()], 10)
