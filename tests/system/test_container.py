"""Containers for real, as an ordinary user and as root: codes, signals, owners, leftovers."""

import contextlib
import io
import json
import os
import pty
import pwd
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from .conftest import User, make_user, needs_root, remove_user

IMAGE = "localhost/tiny:0.1.0-cpu"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
APPLETS = "cat chmod echo env false head id kill ls printf ps pwd sh sleep stat touch true tty wc"

# A minute in Python. One time.sleep of that length goes on to its end when a signal comes just
# before it begins: Python then runs no handler until it returns.
WAITS = "[time.sleep(0.1) for _ in range(600)]"

# What the command line does with the library, in a process that can be signalled.
DRIVER = """
import json, sys
from pathlib import Path
from pdbuild.container import Container, Mount, host, loading, podman
from pdbuild.errors import PdbuildError
from pdbuild.store import Store
verb, *rest = sys.argv[1:]
def container(text):
    given = json.loads(text)
    mounts = tuple(Mount(source=Path(s), target=t, read_only=r) for s, t, r in given.pop("mounts"))
    given["env"] = tuple(map(tuple, given["env"]))
    given = {k: tuple(v) if type(v) is list else v for k, v in given.items()}
    return Container(mounts=mounts, **given)
try:
    if verb == "run":
        sys.exit(podman.run(container(rest[0])))
    elif verb == "start":
        print(podman.start(container(rest[0])))
    elif verb == "logs":
        sys.exit(podman.logs(rest[0], follow="follow" in rest))
    elif verb == "stop":
        podman.stop(rest[0], timeout=int(rest[1]))
    elif verb == "prune":
        print(podman.prune())
    elif verb == "load":
        store = Store(Path(rest[0]))
        store.adopt(Path(rest[1]), rest[2], rest[3])
        print(loading.load(store, rest[3]))
    elif verb == "find":
        print(json.dumps({"flags": (found := host.find()).flags, "notices": host.take_notices(),
                          "driver": found.driver, "keep_id": found.keep_id}))
    elif verb == "plain":
        from pdbuild.container import plain
        found = plain.missing()
        print(json.dumps(found and {"path": str(found.path), "text": found.text,
                                    "error": found.error}))
except PdbuildError as error:
    print(f"{type(error).__name__}: {error.message} [{error.hint}]", file=sys.stderr)
    sys.exit(70 + error.exit_code)
"""


@dataclass
class Account:
    """Somebody who runs containers: the test user, or root."""

    user: User
    python: Path
    env: dict[str, str] = field(default_factory=dict)

    def start(self, verb: str, *rest: str, tty: int | None = None) -> subprocess.Popen[str]:
        argv = [os.fspath(self.python), "-c", DRIVER, verb, *rest]
        pipe = subprocess.PIPE if tty is None else tty
        return subprocess.Popen(
            argv,
            env=self.user.env | self.env,
            cwd=self.user.home,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            user=self.user.uid,
            group=pwd.getpwuid(self.user.uid).pw_gid,
            extra_groups=[],
            umask=0o022,
            start_new_session=True,
        )

    def do(self, verb: str, *rest: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(verb, *rest) as process:
            out, err = process.communicate(stdin, 60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *argv: str, stdin: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        return self.do("run", container(*argv, **more), stdin=stdin)

    def podman(self, *argv: str) -> str:
        done = self.user.run(["podman", "--log-level=error", *argv], env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def container(*argv: str, **more: Any) -> str:
    return json.dumps({"image": IMAGE, "argv": argv, "mounts": [], "env": [], **more})


def busybox() -> Path:
    """A static busybox: that of the machine, or the one in Debian's package."""
    place = Path(tempfile.gettempdir(), "pdbuild-test-busybox")
    if not place.exists():
        with tempfile.TemporaryDirectory() as folder:
            for command in (["apt-get", "download", "busybox-static"], ["dpkg", "-x", "", "."]):
                command = [*command]
                if "" in command:
                    command[2] = next((str(p) for p in Path(folder).glob("*.deb")), "")
                done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
                if done.returncode:
                    pytest.skip(f"NOT RUN: no busybox-static to be had: {done.stderr!r}")
            shutil.copy(Path(folder, "bin/busybox"), place)
    return place


def layer(program: Path) -> bytes:
    """A root with busybox, in which /usr of the host can be mounted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def add(name: str, kind: bytes, *, mode: int = 0o755, link="", body=b"", owner=0) -> None:
            entry = tarfile.TarInfo(name)
            entry.uid = entry.gid = owner
            entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(body)
            tar.addfile(entry, io.BytesIO(body))

        for name in ("bin", "dev", "etc", "proc", "root", "sys", "usr"):
            add(name, tarfile.DIRTYPE)
        add("tmp", tarfile.DIRTYPE, mode=0o1777)
        for name in ("lib", "lib64"):
            add(name, tarfile.SYMTYPE, link=f"usr/{name}")
        add("etc/passwd", tarfile.REGTYPE, mode=0o644, body=b"root:x:0:0:root:/root:/bin/sh\n")
        # An owner that only a user with subordinate ids can give.
        add("etc/shadow", tarfile.REGTYPE, mode=0o640, owner=42)
        add("bin/busybox", tarfile.REGTYPE, body=program.read_bytes())
        for name in APPLETS.split():
            add(f"bin/{name}", tarfile.SYMTYPE, link="busybox")
    return buffer.getvalue()


def layout(root: Path, *, label: str) -> str:
    """An image as an engine exports it; its digest."""

    def put(data: object, media_type: str) -> dict[str, object]:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        name = sha256(raw).hexdigest()
        (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (root / "blobs/sha256" / name).write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(raw)}

    tar = put(layer(busybox()), TAR)
    config = {
        "os": "linux",
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "config": {"Env": ["PATH=/bin:/usr/bin"], "Cmd": ["sh"], "Labels": {"made": label}},
        "rootfs": {"type": "layers", "diff_ids": [tar["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(config, CONFIG),
        "layers": [tar],
    }
    entry = put(manifest, MANIFEST)
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return str(entry["digest"])


@pytest.fixture(scope="session")
def exported() -> Iterator[tuple[Path, str]]:
    # podman names an image after its folder: a random name may end in "_", which none may.
    root = Path("/var/tmp", f"pdbuild-image-{os.getpid()}")
    root.mkdir()
    try:
        root.chmod(0o755)
        yield root, layout(root, label="first")
    finally:
        shutil.rmtree(root)


def load(account: Account, exported: tuple[Path, str]) -> str:
    root, digest = exported
    store = str(account.user.home / "images")
    done = account.do("load", store, str(root), digest, IMAGE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def person(pdbuild_python: Path, exported: tuple[Path, str]) -> Iterator[Account]:
    """An ordinary user whose podman has the image."""
    needs_root()
    made = Account(make_user(f"pdbrun{os.getpid()}", subordinate=True), pdbuild_python)
    try:
        load(made, exported)
        yield made
    finally:
        remove_user(made.user)


@pytest.fixture(scope="session")
def root(pdbuild_python: Path, exported: tuple[Path, str]) -> Iterator[Account]:
    """Root, with its podman's storage and pdbuild's state in a directory of the test."""
    needs_root()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        home = Path(name)
        (home / "storage.conf").write_text(
            f'[storage]\ndriver="overlay"\ngraphroot="{home}/graph"\nrunroot="{home}/run"\n'
        )
        env = {"CONTAINERS_STORAGE_CONF": f"{home}/storage.conf"}
        env |= {f"PDBUILD_{n}_DIR": f"{home}/{n.lower()}" for n in ("CACHE", "DATA", "RUNTIME")}
        made = Account(User(name="root", uid=0, home=home), pdbuild_python, env)
        load(made, exported)
        yield made
        made.user.run(["podman", "rm", "--all", "--force", "--time=0"], env=env)
        for mounted in Path("/proc/mounts").read_text().splitlines():
            if name in mounted:
                subprocess.run(["umount", mounted.split()[1]], check=False)


@pytest.fixture(params=["person", "root"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Each test runs for both; neither may leave anything."""
    found: Account = request.getfixturevalue(request.param)
    yield found
    assert found.podman("ps", "--all", "--quiet") == ""
    if found.user.uid:
        # podman's own, which keeps the user namespace: catatonit, or podman under two names.
        keeper = ("podman pause", "/podman", "catatonit -P")
        assert [p for p in found.user.processes() if not p.rstrip().endswith(keeper)] == []
        runtime = Path(f"/tmp/pdbuild-{found.user.uid}")
    else:
        runtime = found.user.home / "runtime"
    assert list(runtime.iterdir()) == []


def until(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def running(account: Account, *argv: str, **more: Any) -> subprocess.Popen[str]:
    """Start a program that prints a line when it is ready, and wait for that line."""
    process = account.start("run", container(*argv, **more))
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("code", [0, 3, 125, 126, 127])
def test_the_programs_exit_code_comes_back(account: Account, code: int) -> None:
    done = account.run("sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")


def test_a_program_that_is_not_there_or_not_executable(account: Account) -> None:
    missing = account.run("nonesuch")
    assert missing.returncode == 127 and "nonesuch" in missing.stderr
    assert account.run("/etc/passwd").returncode == 126


def test_podmans_own_failure_is_an_error_with_its_message(account: Account) -> None:
    done = account.run("true", image="localhost/none:1")
    assert done.returncode == 71
    assert done.stderr.startswith("EngineError: podman: localhost/none:1: image not known")


def test_a_device_is_there_by_its_node(account: Account) -> None:
    given = ("sh", "-c", "test -c /dev/fuse")
    assert account.run(*given).returncode == 1
    assert account.run(*given, devices=["/dev/fuse"]).returncode == 0


def test_a_device_is_given_by_a_fake_cdi_description(account: Account) -> None:
    described = {
        "cdiVersion": "0.3.0",
        "kind": "pdbuild.test/gpu",
        "devices": [{"name": "all", "containerEdits": {"env": ["DRIVER=580"]}}],
        "containerEdits": {
            "deviceNodes": [{"path": "/dev/fuse"}],
            "mounts": [
                {"hostPath": "/etc/os-release", "containerPath": "/lib/libcuda.so.1",
                 "options": ["ro", "bind"]}
            ],
        },
    }  # fmt: skip
    file = Path("/etc/cdi/pdbuild-test.json")
    file.parent.mkdir(exist_ok=True)
    try:
        file.write_text(json.dumps(described))
        script = "test -c /dev/fuse && test -s /lib/libcuda.so.1 && echo $DRIVER"
        done = account.run("sh", "-c", script, devices=["pdbuild.test/gpu=all"])
        assert (done.returncode, done.stdout) == (0, "580\n"), done.stderr
    finally:
        file.unlink()


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_device_that_nothing_describes_is_an_error_with_the_mend(
    account: Account, verb: str
) -> None:
    done = account.do(verb, container("true", devices=["pdbuild.test/none=all"]))
    assert done.returncode == 71
    assert "describes the device pdbuild.test/none=all" in done.stderr
    assert "nvidia-ctk cdi generate" in done.stderr
    assert account.podman("ps", "--all", "--quiet") == ""


def test_a_killed_program_is_137(account: Account) -> None:
    process = running(account, "sh", "-c", "echo ready; exec sleep 60")
    account.podman("kill", "--signal=KILL", account.podman("ps", "--quiet"))
    assert process.wait(20) == 137
    process.communicate()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_ends_a_program_that_does_not_handle_it(account: Account, name: str) -> None:
    process = running(account, "sh", "-c", "echo ready; exec sleep 60")
    number = signal.Signals[name]
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    process.communicate()


def test_a_signal_reaches_a_handler_and_its_exit_code_counts(account: Account) -> None:
    script = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
    process = running(account, "sh", "-c", script)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (7, "bye\n")


def test_an_ignored_signal_stays_ignored(account: Account) -> None:
    process = running(account, "sh", "-c", 'trap "" TERM; echo ready; sleep 2; exit 8')
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 8
    process.communicate()


@pytest.mark.parametrize(
    ("program", "number", "expected"),
    [
        (WAITS, signal.SIGINT, 130),
        (WAITS, signal.SIGTERM, 143),
        # What a polite program does in its handler, and what has no effect on a first process.
        (
            "signal.signal(15, lambda n, f: (signal.signal(n, signal.SIG_DFL),"
            f" os.kill(os.getpid(), n))); {WAITS}",
            signal.SIGTERM,
            143,
        ),
    ],
)
def test_ctrl_c_and_sigterm_end_a_python_program(
    account: Account, program: str, number: int, expected: int
) -> None:
    # The host's Python in the image's root: any glibc system with a merged /usr will do.
    text = f"import os, signal, time; print('ready', flush=True); {program}"
    mounts = [("/usr", "/usr", True)]
    process = running(account, "/usr/bin/python3", "-c", text, mounts=mounts)
    process.send_signal(number)
    assert process.wait(20) == expected
    process.communicate()


@pytest.mark.parametrize("delay", [0.08, 0.12, 0.16, 0.2])
def test_a_signal_during_the_start_is_not_lost(account: Account, delay: float) -> None:
    process = account.start("run", container("sleep", "60"))
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    # Before pdbuild takes signals, it ends as any program does.
    assert process.wait(20) in (143, -signal.SIGTERM)
    process.communicate()


@pytest.mark.parametrize("delay", [None, 0.1, 0.16])
def test_kill_9_leaves_no_container(account: Account, delay: float | None) -> None:
    if delay is None:
        process = running(account, "sh", "-c", "echo ready; exec sleep 60")
    else:
        process = account.start("run", container("sleep", "60"))
        time.sleep(delay)
    process.kill()
    process.wait()
    process.communicate()
    if account.user.uid:
        until(lambda: not [p for p in account.user.processes() if " run " in p or "guard" in p])
    else:
        until(lambda: not list((account.user.home / "runtime").iterdir()))
    assert account.podman("ps", "--all", "--quiet") == ""


def test_files_belong_to_the_caller(account: Account) -> None:
    work = account.user.home / "work, one"  # a comma, which podman's option must quote
    work.mkdir(exist_ok=True)
    os.chown(work, account.user.uid, pwd.getpwuid(account.user.uid).pw_gid)
    mounts = [(str(work), "/work", False)]
    for user, inside in (("", account.user.uid), ("0:0", 0), ("4242:4242", 4242)):
        if user == "4242:4242" and not account.user.uid:
            continue  # root has no user namespace: the file would be 4242's
        done = account.run("sh", "-c", "id -u; touch f", user=user, mounts=mounts, workdir="/work")
        assert done.stdout == f"{inside}\n", done.stderr
        assert (work / "f").stat().st_uid == account.user.uid
        (work / "f").unlink()
    read_only = [(str(work), "/work", True)]
    assert account.run("touch", "/work/f", mounts=read_only).returncode == 1


def test_home_is_writable_and_env_arrives(account: Account) -> None:
    script = 'touch "$HOME/f" && printf "#!/bin/sh\necho ran\n" >$HOME/x && chmod +x $HOME/x'
    done = account.run("sh", "-c", f'{script} && "$HOME/x"; echo "$A"', env=[("A", "b=c d")])
    assert done.stdout == "ran\nb=c d\n", done.stderr
    given = account.run("sh", "-c", "echo $HOME", env=[("HOME", "/tmp")])
    assert given.stdout == "/tmp\n"


def test_stdin_passes_through(account: Account) -> None:
    assert account.run("wc", "-c", stdin="x" * 200_000).stdout.strip() == "200000"
    assert account.run("cat").stdout == ""  # an end, not a wait


def terminal(account: Account, *argv: str, type_: str, **more: Any) -> tuple[int, str]:
    """Run with a terminal; `type_` is typed when the program says `ready`."""
    ours, theirs = pty.openpty()
    run = container(*argv, **more)
    # A session whose terminal this is, as a login shell has it.
    text = f"import fcntl, termios, sys; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{DRIVER}"
    argv_ = [os.fspath(account.python), "-c", text, "run", run]
    process = subprocess.Popen(
        argv_,
        env=account.user.env | account.env,
        cwd=account.user.home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        user=account.user.uid,
        group=pwd.getpwuid(account.user.uid).pw_gid,
        extra_groups=[],
        start_new_session=True,
    )
    os.close(theirs)
    seen, deadline = b"", time.monotonic() + 30
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096)
                if b"ready" in seen and type_:
                    os.write(ours, type_.encode())
                    type_ = ""
    os.close(ours)
    return process.wait(20), seen.decode().replace("\r\n", "\n")


def test_a_terminal_of_its_own(account: Account) -> None:
    script = "tty; echo ready; read line; echo got $line; exit 5"
    code, seen = terminal(account, "sh", "-c", script, type_="hello\n", tty=True)
    assert code == 5
    assert "/dev/pts/0" in seen or "/dev/console" in seen
    assert "got hello" in seen


def test_typed_lines_reach_a_program_without_a_terminal_of_its_own(account: Account) -> None:
    script = "echo ready; read line; echo got $line; exit 6"
    code, seen = terminal(account, "sh", "-c", script, type_="hello\n")
    assert code == 6 and "got hello" in seen


@pytest.mark.parametrize("tty", [False, True])
def test_ctrl_c_typed_in_a_terminal(account: Account, tty: bool) -> None:
    program = f"import time; print('ready', flush=True); {WAITS}"
    mounts = [("/usr", "/usr", True)]
    argv = ("/usr/bin/python3", "-c", program)
    code, seen = terminal(account, *argv, type_="\x03", tty=tty, mounts=mounts)
    assert code == 130 and "KeyboardInterrupt" in seen


def test_ctrl_c_in_a_terminal_ends_a_program_without_a_handler(account: Account) -> None:
    if not shutil.which("catatonit"):
        pytest.skip("NOT RUN: needs catatonit")
    argv = ("sh", "-c", "echo ready; exec sleep 60")
    code, _ = terminal(account, *argv, type_="\x03", tty=True)
    assert code == 130


def test_background_logs_and_stop(account: Account) -> None:
    script = "echo one; echo two >&2; sleep 60"
    started = account.do("start", container("sh", "-c", script, project="paddle"))
    identity = started.stdout.strip()
    assert started.returncode == 0 and len(identity) == 64, started.stderr
    until(lambda: account.do("logs", identity).stdout == "one\n")
    assert account.do("logs", identity[:12]).stderr == "two\n"
    with account.start("logs", identity, "follow") as follower:
        assert follower.stdout and follower.stdout.readline() == "one\n"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 130
    before = time.monotonic()
    # It does not handle SIGTERM, so that there is nothing to wait for.
    assert account.do("stop", identity[:8], "60").returncode == 0
    assert time.monotonic() - before < 30
    gone = account.do("stop", identity, "1")
    assert gone.returncode == 72
    assert gone.stderr == f"UsageError: there is no container '{identity}' []\n"


def test_an_ended_one_keeps_its_logs_until_it_is_removed(account: Account) -> None:
    identity = account.do("start", container("sh", "-c", "echo oops; exit 3")).stdout.strip()
    until(lambda: account.do("logs", identity).stdout == "oops\n")
    until(lambda: account.podman("ps", "--quiet") == "")
    assert account.do("prune").stdout == "1\n"


def test_containers_of_others_are_refused(account: Account) -> None:
    options = ("--network=host", "--ulimit=nofile=64:64", "--ulimit=nproc=64:64")
    account.podman("run", "--detach", "--name=theirs", *options, IMAGE, "sleep", "60")
    try:
        for verb, *rest in (("stop", "0"), ("logs",)):
            done = account.do(verb, "theirs", *rest)
            assert done.returncode == 72
            assert "was not started by pdbuild" in done.stderr
        assert account.podman("ps", "--quiet") != ""
    finally:
        account.podman("rm", "--force", "--time=0", "theirs")


def test_a_background_container_that_cannot_start_leaves_nothing(account: Account) -> None:
    done = account.do("start", container("nonesuch"))
    assert done.returncode == 71 and "nonesuch" in done.stderr


def test_loading_costs_nothing_twice_and_survives_rmi(
    account: Account, exported: tuple[Path, str], tmp_path: Path
) -> None:
    assert load(account, exported) == "False"
    account.podman("rmi", IMAGE)
    assert load(account, exported) == "True"
    account.podman("tag", IMAGE, "localhost/mine:1")
    assert load(account, exported) == "False"
    # A new image under the reference; the old one has another name and stays.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    newer = layout(tmp_path / "e", label="second")
    assert load(account, (tmp_path / "e", newer)) == "True"
    labels = account.podman("image", "inspect", "--format={{.Labels.made}}", IMAGE)
    assert labels == "second"
    assert account.podman("image", "exists", "localhost/mine:1") == ""
    account.podman("rmi", "localhost/mine:1")
    # And back; the newer one has no name any more, and goes.
    assert load(account, exported) == "True"
    assert account.podman("images", "--filter=dangling=true", "--quiet") == ""
    assert account.run("true").returncode == 0


def test_without_skopeo_podman_loads(
    account: Account, exported: tuple[Path, str], tmp_path: Path
) -> None:
    tools = account.user.home / "tools"
    tools.mkdir()
    for directory in ("/usr/bin", "/usr/sbin"):
        for tool in Path(directory).iterdir():
            if tool.name != "skopeo" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    account.podman("rmi", IMAGE)
    account.env["PATH"] = str(tools)
    try:
        assert load(account, exported) == "True"
    finally:
        del account.env["PATH"]
        shutil.rmtree(tools)
    assert account.podman("images", "--format={{.Repository}}:{{.Tag}}") == IMAGE
    assert account.run("true").returncode == 0


def test_start_time(account: Account) -> None:
    spans = []
    for _ in range(5):
        before = time.monotonic()
        assert account.run("true").returncode == 0
        spans.append(time.monotonic() - before)
    print(f"\n{account.user.name}: container start, median of 5: {statistics.median(spans):.3f} s")
    assert statistics.median(spans) < 5


def found(account: Account) -> dict[str, Any]:
    done = account.do("find")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@contextlib.contextmanager
def somebody(python: Path, env: Mapping[str, str] | None = None) -> Iterator[Account]:
    needs_root()
    made = Account(make_user(f"pdbnew{os.getpid()}", subordinate=True), python, dict(env or {}))
    try:
        yield made
    finally:
        remove_user(made.user)


def test_a_new_users_storage_becomes_overlay_for_plain_podman_too(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        assert found(account)["driver"] == "overlay"
        assert load(account, exported) == "True"
        images = ["podman", "images", "--format={{.Repository}}:{{.Tag}}"]
        assert account.user.run(images).stdout.strip() == IMAGE
        assert found(account)["notices"] == []
        # Nothing of the user's was written, until they ask for it.
        mine = account.user.home / ".config/containers"
        assert not mine.exists()
        done = account.user.run([pdbuild_python.parent / "pdbuild", "doctor", "--write-podman"])
        assert done.returncode == 0, done.stderr
        assert {f"wrote {path}" for path in mine.rglob("*.conf")} <= set(done.stdout.splitlines())
        # No word on stderr any more of a driver that a database overwrites.
        done = account.user.run(images)
        assert (done.stdout.strip(), "driver" in done.stderr) == (IMAGE, False)
        argv = ["podman", "run", "--rm", IMAGE, "true"]
        assert account.user.run(argv).returncode == 0
        assert load(account, exported) == "False"


def test_a_users_empty_vfs_storage_becomes_overlay(pdbuild_python: Path) -> None:
    with somebody(pdbuild_python) as account:
        if account.podman("info", "--format={{.Store.GraphDriverName}}") != "vfs":
            pytest.skip("NOT RUN: this podman does not take vfs by itself")
        result = found(account)
        assert result["driver"] == "overlay"
        assert "storage.conf" in result["notices"][0]
        assert account.podman("info", "--format={{.Store.GraphDriverName}}") == "overlay"


def test_a_users_vfs_storage_with_images_is_left_alone_and_works(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        pull = ["podman", "--storage-driver=vfs", "pull", f"oci:{exported[0]}"]
        pulled = account.user.run(pull)
        assert pulled.returncode == 0, pulled.stderr
        result = found(account)
        assert result["driver"] == "vfs" and "slow driver vfs" in result["notices"][0]
        assert not (account.user.home / ".config/containers/storage.conf").exists()
        load(account, exported)
        assert account.run("true").returncode == 0


def test_a_runtime_that_fails_is_passed_over_and_the_finding_kept(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        refusing = account.user.home / "crun"
        refusing.write_text("#!/bin/sh\necho cgroups in hybrid mode not supported >&2; exit 1\n")
        refusing.chmod(0o755)
        conf = account.user.home / ".config/containers/containers.conf"
        account.user.run(["mkdir", "-p", conf.parent])
        conf.write_text(f'[engine]\nruntime = "crun"\n[engine.runtimes]\ncrun = ["{refusing}"]\n')
        before = conf.read_text()
        load(account, exported)
        flags = found(account)["flags"]
        assert any(flag.endswith("/runc") for flag in flags)
        assert account.run("sh", "-c", "exit 4").returncode == 4
        assert conf.read_text() == before
        # Plain podman takes the one that refuses, and a drop-in helps.
        lacking = json.loads(account.do("plain").stdout)
        assert lacking["error"] and "runtime = " in lacking["text"]
        drop_in = Path(lacking["path"])
        account.user.run(["mkdir", "-p", drop_in.parent])
        drop_in.write_text(lacking["text"])
        assert account.user.run(["podman", "run", "--rm", IMAGE, "true"]).returncode == 0
        drop_in.unlink()
        # Nothing works: each candidate says why. The file changed, so it is tried again.
        conf.write_text(before + '\n[containers]\nseccomp_profile = "/nowhere"\n')
        done = account.do("find")
        assert done.returncode == 71 and "no container runs here" in done.stderr
        assert "--cgroup-manager=cgroupfs: " in done.stderr and "/nowhere" in done.stderr


def test_without_subordinate_ids_files_still_belong_to_the_caller(
    bare_user: User, pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    account = Account(bare_user, pdbuild_python)
    assert found(account)["keep_id"] is False
    load(account, exported)
    mounts = [(str(bare_user.home), "/work", False)]
    done = account.run("sh", "-c", "id -u; touch /work/f; touch ~/f", mounts=mounts)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert (bare_user.home / "f").stat().st_uid == bare_user.uid


def test_podman_absent(pdbuild_python: Path) -> None:
    with somebody(pdbuild_python, {"PATH": "/nowhere"}) as account:
        done = account.do("find")
        assert done.returncode == 71
        assert done.stderr == (
            "EngineError: podman is not installed [apt install podman uidmap runc]\n"
        )


def test_what_plain_podman_lacks_here_is_told_and_helps(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        load(account, exported)
        lacking = json.loads(account.do("plain").stdout)
        if lacking:
            path = Path(lacking["path"])
            print(f"\nplain podman needs {path}:\n{lacking['text']}")
            account.user.run(["mkdir", "-p", path.parent])
            path.write_text(lacking["text"])
        work = account.user.home
        argv = ["podman", "run", "--rm", "-v", f"{work}:/work", IMAGE, "touch", "/work/plain"]
        done = account.user.run(argv)
        assert done.returncode == 0, done.stderr
        assert (work / "plain").stat().st_uid == account.user.uid
        assert json.loads(account.do("plain").stdout) is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-x", "-q", "-s"]))
