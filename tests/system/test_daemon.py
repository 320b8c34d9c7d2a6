"""The daemon of one user: shared, stopped with its last holder, and survived by nothing."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from .conftest import User, give_engines, needs_root, until_gone

HOLD = """
import json, socket, sys, time
from pdbuild.engine.daemon import join
from pdbuild.errors import PdbuildError
began = time.perf_counter()
try:
    with join() as daemon:
        took = time.perf_counter() - began
        said = {"pid": daemon.pid, "address": daemon.address, "log": str(daemon.log), "s": took}
        print(json.dumps(said), flush=True)
        sys.stdin.read()
        with socket.socket(socket.AF_UNIX) as link:
            refused = link.connect_ex(daemon.address.removeprefix("unix://"))
        print(json.dumps({"alive": not refused}), flush=True)
except PdbuildError as error:
    print(json.dumps({"error": error.message, "hint": error.hint}), flush=True)
    sys.exit(1)
"""

# Runs the words after the uid as that user, where no user namespace can be made.
NO_NAMESPACES = """
import ctypes, os, pathlib, sys
uid, *argv = sys.argv[1:]
(ready, tell), (go, start) = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(tell, b"x")
    os.read(go, 1)
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    os.execv(argv[0], argv)
os.read(ready, 1)
for name in ("uid_map", "gid_map"):
    pathlib.Path(f"/proc/{child}/{name}").write_text("0 0 4294967295")
os.write(start, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

# Whatever images other tests have left in this user's store: they stay.
PRUNE = """
import sys
from pdbuild import cli
sys.exit(cli.main(["prune", "--keep=999", "--caches"]))
"""


@dataclass
class Holder:
    """A process that has joined the daemon, until `leave` or `kill`."""

    process: "subprocess.Popen[str]"
    said: dict[str, object]

    @property
    def pid(self) -> int:
        return int(str(self.said["pid"]))

    @property
    def address(self) -> str:
        return str(self.said["address"])

    def leave(self) -> tuple[bool, str]:
        """Let go; return whether the daemon was alive to the end, and what went to stderr."""
        out, err = self.process.communicate(timeout=60)
        return json.loads(out)["alive"], err

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclass(frozen=True)
class Account:
    """A user, the Python to join with, and where its daemon's things are."""

    user: User
    python: Path
    engines: Path
    cache: Path
    run: Path
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def start(self, **env: str) -> "subprocess.Popen[str]":
        self.started.append(self.user.start([self.python, "-c", HOLD], env=self.env | env))
        return self.started[-1]

    def join(self, **env: str) -> Holder:
        process = self.start(**env)
        return Holder(process, json.loads(_line(process.stdout)))

    @property
    def env(self) -> dict[str, str]:
        return {"PDBUILD_CACHE_DIR": str(self.cache), "PDBUILD_RUNTIME_DIR": str(self.run)}

    @property
    def lock(self) -> Path:
        return self.cache / "buildkit" / "0.34.lock"

    def processes(self) -> set[int]:
        """All that belongs to the daemon: supervisor, namespaces, buildkitd, steps."""
        parents = _parents()
        key = str(self.run)
        found = {pid for pid in parents if key in _words(pid)}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def close(self) -> None:
        """After a test, which may have failed: end its clients; nothing may be left."""
        for process in self.started:
            process.kill()
            process.communicate()
        self.settled(set())
        shutil.rmtree(self.run, ignore_errors=True)

    def settled(self, before: set[int]) -> None:
        """Wait until the daemon and all processes of `before` are gone; nothing may be left."""
        subprocess.run(["flock", "--timeout", "20", self.lock, "true"], check=True)
        until_gone(before | self.processes())
        assert self.processes() == set()
        assert str(self.cache) not in Path("/proc/mounts").read_text()


@pytest.fixture
def account(user: User, pdbuild_python: Path, engines: Path) -> Iterator[Account]:
    run = Path(f"/tmp/pdbrun{user.uid}")
    # Some of these tests damage or remove the cache: it is not that of the other modules.
    made = Account(user, pdbuild_python, engines, user.home / ".cache/daemon", run)
    assert user.run(["mkdir", "-p", made.lock.parent]).returncode == 0
    yield made
    made.close()
    until_gone(int(line.split()[0]) for line in user.processes())
    assert user.processes() == []


@contextlib.contextmanager
def step(account: Account, holder: Holder) -> Iterator[None]:
    """While a build runs whose RUN step has begun and will not end by itself."""
    context = account.user.home / "context"
    if not context.exists():
        _tiny_system(context / "root")
        run = json.dumps(["/bin/sh", "-c", "echo in step-$((40+2)); sleep 3123; :"])
        (context / "Dockerfile").write_text(f"FROM scratch\nCOPY root /\nARG N\nRUN {run}\n")
    argv = [account.engines / "buildctl", "--addr", holder.address, "build", "--progress=plain",
            "--frontend=dockerfile.v0", f"--opt=build-arg:N={random.random()}",
            f"--local=context={context}", f"--local=dockerfile={context}"]  # fmt: skip
    process = account.user.start(argv)
    with process:
        try:
            seen = ""
            while "in step-42" not in seen:
                seen = _line(process.stderr)
            yield
        finally:
            process.kill()


def test_start_and_stop_leave_nothing(account: Account) -> None:
    holder = account.join()
    before = account.processes()
    assert len(before) >= 3  # the supervisor, rootlesskit twice, buildkitd
    assert holder.leave() == (True, "")
    account.settled(before)
    assert list(account.run.glob("*")) == []
    assert [path.name for path in (account.cache / "buildkit").iterdir() if path.is_dir()] == [
        "0.34-overlayfs"
    ]


def test_start_and_join_are_fast(account: Account) -> None:
    with_start, joined = account.join(), account.join()
    print(f"start {with_start.said['s']:.3f} s, join {joined.said['s']:.4f} s")
    assert float(str(with_start.said["s"])) < 5  # 0.3 on an idle machine
    assert float(str(joined.said["s"])) < 0.5  # 0.005
    with_start.leave()
    joined.leave()


def test_two_joins_share_one_daemon_and_the_last_stops_it(account: Account) -> None:
    first, second = account.join(), account.join(TMPDIR="/var/tmp")
    assert (first.pid, first.address) == (second.pid, second.address)
    first.leave()
    third = account.join()
    assert third.pid == second.pid
    third.leave()
    before = account.processes()
    assert second.leave()[0]
    account.settled(before)
    fourth = account.join()
    assert fourth.pid != first.pid
    fourth.leave()


def test_another_runtime_directory_joins_the_same_daemon(account: Account) -> None:
    first, second = account.join(), account.join(PDBUILD_RUNTIME_DIR=f"{account.run}-other")
    assert first.pid == second.pid
    first.leave()
    second.leave()


def test_eight_at_once_share_one_daemon(account: Account) -> None:
    waiting = [account.start() for _ in range(8)]
    holders = [Holder(process, json.loads(_line(process.stdout))) for process in waiting]
    assert len({holder.pid for holder in holders}) == 1
    assert all(holder.leave()[0] for holder in holders)


def test_joins_during_stops_succeed(account: Account) -> None:
    for _ in range(4):  # each wave leaves at once, so the next one meets a daemon that stops
        waiting = [account.start() for _ in range(4)]
        for process in waiting:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, out + err


def test_idle_seconds_keep_it(account: Account) -> None:
    first = account.join(PDBUILD_IDLE_SECONDS="30")
    first.leave()
    second = account.join()
    assert second.pid == first.pid
    before = account.processes()
    os.kill(_find(account, "supervisor.py"), signal.SIGTERM)  # the polite way to end it now
    account.settled(before)
    assert second.leave()[0] is False


def test_a_killed_client_lets_go(account: Account) -> None:
    holder = account.join()
    with step(account, holder):
        before = account.processes()
        holder.kill()
        account.settled(before)


@pytest.mark.parametrize("victim", ["supervisor.py", "rootlesskit", "buildkitd"])
def test_a_killed_part_takes_all_with_it(account: Account, victim: str) -> None:
    holder = account.join()
    with step(account, holder):
        before = account.processes()
        assert any("sleep 3123" in _words(pid) for pid in before)
        os.kill(_find(account, victim), signal.SIGKILL)
        account.settled(before)
    assert holder.leave()[0] is False
    again = account.join()
    assert again.pid != holder.pid
    assert again.leave()[0]


def test_kills_at_random_moments(account: Account) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(12):
        clients = [account.start(), account.start()]
        with contextlib.suppress(subprocess.TimeoutExpired):
            clients[0].wait(dice.uniform(0, 0.5))
        present = sorted(account.processes() | {client.pid for client in clients})
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(present), signal.SIGKILL)
        for client in clients:
            client.communicate(timeout=60)
            assert client.returncode in (0, 1, -9)
    holder = account.join()
    assert holder.leave()[0]


def test_damaged_metadata_is_moved_aside(account: Account) -> None:
    holder = account.join()
    before = account.processes()
    holder.leave()
    account.settled(before)
    root = account.cache / "buildkit" / "0.34-overlayfs"
    (root / "runc-overlayfs" / "metadata_v2.db").write_bytes(b"not a database" * 4096)
    alive, said = account.join().leave()
    assert alive
    assert "moved to" in said
    assert len(list(root.parent.glob("0.34-overlayfs.broken-*"))) == 1


def test_prune_removes_what_belongs_to_other_ids(account: Account) -> None:
    holder = account.join()
    with step(account, holder):
        pass
    refused = account.user.run([account.python, "-c", PRUNE], env=account.env)
    assert "in use by a build" in refused.stderr
    before = account.processes()
    holder.leave()
    account.settled(before)
    done = account.user.run([account.python, "-c", PRUNE], env=account.env)
    assert done.returncode == 0, done.stderr
    assert "0.34-overlayfs" in done.stdout
    assert not [path for path in (account.cache / "buildkit").iterdir() if path.is_dir()]


def test_without_subordinate_ids_it_says_which_command_helps(
    bare_user: User, pdbuild_python: Path
) -> None:
    give_engines(bare_user)
    done = bare_user.run([pdbuild_python, "-c", HOLD])
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert "buildkitd did not start" in said["error"]
    assert "--add-subgids" in said["hint"]
    assert said["hint"].endswith(bare_user.name)
    until_gone(int(line.split()[0]) for line in bare_user.processes())


def test_without_user_namespaces_it_says_so(account: Account) -> None:
    """As where an administrator forbids them; the limit holds for one namespace of our own."""
    hold = [account.python, "-c", HOLD]
    argv = [sys.executable, "-c", NO_NAMESPACES, str(account.user.uid), *hold]
    done = subprocess.run(
        argv, env=account.user.env | account.env, capture_output=True, text=True, check=False
    )
    said = json.loads(done.stdout)
    assert "no space left on device" in said["error"]
    assert "user.max_user_namespaces" in said["hint"]
    assert not [path for path in (account.cache / "buildkit").glob("*") if "native" in path.name]


def test_a_cache_on_fuse_is_kept_elsewhere(account: Account) -> None:
    if shutil.which("fuse-overlayfs") is None:
        pytest.skip("NOT RUN: no fuse-overlayfs here")
    home = account.user.home
    for name in ("lower", "upper", "work", "fuse"):
        (home / name).mkdir(exist_ok=True)
    layers = f"lowerdir={home}/lower,upperdir={home}/upper,workdir={home}/work,allow_other"
    mounted = subprocess.run(
        ["fuse-overlayfs", "-o", layers, home / "fuse"], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"NOT RUN: fuse-overlayfs does not mount here: {mounted.stderr!r}")
    try:
        (home / "fuse").chmod(0o777)
        holder = account.join(PDBUILD_CACHE_DIR=str(home / "fuse"))
        before = account.processes()
        alive, said = holder.leave()
        assert alive
        assert (
            f"is on fuse.fuse-overlayfs, and it needs a local disk: /var/tmp/pdbuild-"
            f"{account.user.uid}/buildkit is used" in said
        )
        until_gone(before)
    finally:
        subprocess.run(["umount", home / "fuse"], check=True)


def test_a_long_runtime_directory_is_refused(account: Account) -> None:
    done = account.user.run(
        [account.python, "-c", HOLD], env=account.env | {"PDBUILD_RUNTIME_DIR": "/tmp/" + "x" * 90}
    )
    said = json.loads(done.stdout)
    Path("/tmp/" + "x" * 90).rmdir()
    assert "too long" in said["error"]
    assert "PDBUILD_RUNTIME_DIR" in said["hint"]


@pytest.fixture
def root_account(tmp_path: Path) -> Iterator[Account]:
    needs_root()
    root = User(name="root", uid=0, home=tmp_path)
    engines = give_engines(root)
    run = Path(f"/tmp/pdbroot{os.getpid()}")
    made = Account(root, Path(sys.executable), engines, tmp_path / "cache", run)
    yield made
    made.close()


def test_root_does_without_rootlesskit(root_account: Account) -> None:
    path = str(Path(__file__).parents[2])
    holder = root_account.join(PYTHONPATH=path)
    programs = {Path(_words(pid).split()[0]).name for pid in root_account.processes()}
    assert {"unshare", "buildkitd"} <= programs
    assert "rootlesskit" not in programs
    before = root_account.processes()
    assert holder.leave() == (True, "")
    root_account.settled(before)


@pytest.mark.parametrize("victim", ["supervisor.py", "unshare", "buildkitd"])
def test_a_killed_part_takes_all_with_it_for_root(root_account: Account, victim: str) -> None:
    holder = root_account.join(PYTHONPATH=str(Path(__file__).parents[2]))
    with step(root_account, holder):
        before = root_account.processes()
        assert any("sleep 3123" in _words(pid) for pid in before)
        os.kill(_find(root_account, victim), signal.SIGKILL)
        root_account.settled(before)
    assert holder.leave()[0] is False
    again = root_account.join(PYTHONPATH=str(Path(__file__).parents[2]))
    before = root_account.processes()
    assert again.leave()[0]
    root_account.settled(before)
    groups = subprocess.check_output(["find", "/sys/fs/cgroup", "-name", "pdbuild-*"], text=True)
    assert not [line for line in groups.split() if Path(again.address).parent.name in line]


def _find(account: Account, program: str) -> int:
    """The process whose program, or whose script, is `program`."""
    for pid in sorted(account.processes()):
        words = _words(pid).split()
        scripts = [word for word in words[:5] if word == words[0] or word.endswith(".py")]
        if any(Path(word).name == program for word in scripts):
            return pid
    raise AssertionError(f"no {program} in {[_words(pid) for pid in account.processes()]}")


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    assert line, "it ended without a word"
    return line


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(folder.name)] = int(parent)
    return found


def _tiny_system(root: Path) -> None:
    """A shell and a sleep, with the libraries that they load."""
    for program in ("/bin/sh", "/bin/sleep"):
        listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True)
        needed = [word for word in listed.stdout.split() if word.startswith("/")]
        for file in (program, *needed):
            target = root / file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
