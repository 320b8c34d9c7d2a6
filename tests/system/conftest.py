"""The real thing as a stranger sees it: a fresh user, a wheel install, the real engines.

Needs root, to make the user. What each session prepares can be had faster:

- `PDBUILD_TEST_ENGINES` names an installed engines directory (`.../engines/<digest>`) to give
  to the users; without it, that of the developer is taken, and built when it is missing
  (minutes).
- `PDBUILD_TEST_PYTHON` names a Python that everybody can run and that has pdbuild; without it,
  a wheel of this checkout is installed into a fresh environment.
"""

import contextlib
import fcntl
import os
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

CHECKOUT = Path(__file__).parents[2]

_PASSED_ON = (
    "GOPROXY",
    "GOSUMDB",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)

Words = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account to run commands as, with a clean environment; `groups` are ids besides its own,
    `extra` variables."""

    name: str
    uid: int
    home: Path
    groups: tuple[int, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def env(self) -> dict[str, str]:
        """What a command gets: no session, no runtime directory, nothing of the developer's."""
        go = shutil.which("go")
        path = ["/usr/local/bin", "/usr/bin", "/bin", *([str(Path(go).parent)] if go else [])]
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        base = {"HOME": str(self.home), "LANG": "C.UTF-8", "PATH": ":".join(path)}
        return passed | base | dict(self.extra)

    def run(
        self,
        argv: Words,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` to its end; its output is text and captured, its exit code not checked."""
        with self.start(argv, env=env, cwd=cwd) as process:
            try:
                out, err = process.communicate(input, timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(
        self,
        argv: Words,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start `argv` with pipes for input, output and, if not told otherwise, errors."""
        return subprocess.Popen(
            [os.fspath(word) for word in argv],
            env=self.env | dict(env or {}),
            cwd=cwd or self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            user=self.uid,
            group=pwd.getpwuid(self.uid).pw_gid,
            extra_groups=self.groups,
            umask=0o022,
        )

    def processes(self, *, podmans: bool = False) -> list[str]:
        """The command lines of all processes of this user and of its subordinate ids.

        But for podman's own that holds the user's namespace until logout (`catatonit -P`),
        unless `podmans`.
        """
        ranges = [range(self.uid, self.uid + 1), *_subordinates(self.name)]
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                owner = folder.stat().st_uid
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and any(owner in span for span in ranges):
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if words.startswith("catatonit -P") and not podmans:
                        continue
                    found.append(f"{folder.name} {words}")
        return found


def needs_root() -> None:
    """Skip the test when no user can be made; `pytest_terminal_summary` says it aloud."""
    if os.getuid():
        pytest.skip("NOT RUN: makes a user, which needs root")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.getuid():
        terminalreporter.section("SYSTEM TESTS WERE NOT RUN", red=True, bold=True)
        terminalreporter.line("They make a user to act as, which needs root: run them as root.")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One worker at a time: two would give their accounts the same subordinate ids."""
    with Path("/var/tmp/pdbuild-tests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_user(name: str, *, subordinate: bool) -> User:
    """Make an account with a fresh home, with or without subordinate ids."""
    with _alone():
        return _make_user(name, subordinate=subordinate)


def _make_user(name: str, *, subordinate: bool) -> User:
    home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/var/tmp"))
    _account("useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/bash", name)
    account = pwd.getpwnam(name)
    _remove(*_runtime_folders(account.pw_uid))
    os.chown(home, account.pw_uid, account.pw_gid)
    for kind in ("uids", "gids"):
        for span in _subordinates(name, f"/etc/sub{kind[:-1]}"):
            given = f"{span.start}-{span.stop - 1}"
            _account("usermod", f"--del-sub{kind}", given, name)
    if subordinate:
        first = max(300000, *(_end(f"/etc/sub{kind}") for kind in ("uid", "gid")))
        span = f"{first}-{first + 65535}"
        _account("usermod", "--add-subuids", span, "--add-subgids", span, name)
    return User(name=name, uid=account.pw_uid, home=home)


def _account(*argv: str | os.PathLike[str]) -> None:
    # Another test session may change accounts just now: shadow's tools do not wait for each
    # other, they exit with 1 or 10 when a file of theirs is locked.
    for _ in range(50):
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if "cannot lock" not in done.stderr:
            break
        time.sleep(0.1)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


def until_gone(pids: Iterable[int], seconds: float = 15) -> None:
    """Wait for the end of processes; fail when one is still there after `seconds`."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            try:
                left = max(0.0, deadline - time.monotonic())
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                assert select.select([watched], [], [], left)[0], f"{pid} still runs: {words!r}"
            finally:
                os.close(watched)


def remove_user(user: User) -> None:
    """End what still runs of `user` and remove all that it had."""
    clear_away(user)
    # The account goes last: when this is interrupted, the next session finds what is left.
    _account("userdel", user.name)


def clear_away(user: User) -> None:
    """End what still runs of a user and remove its home and what is in shared folders."""
    pids = [int(line.split()[0]) for line in user.processes(podmans=True)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until_gone(pids)
    _remove(*_runtime_folders(user.uid), user.home)


def _runtime_folders(uid: int) -> list[Path]:
    """What the programs of a user keep outside of its home.

    The next account may get the same uid, and podman there would look for the process that
    this one's pause.pid names, which may be anybody's by then.
    """
    names = ("pdbuild-", "podman-run-", "containers-user-")
    return [Path(tmp, f"{name}{uid}") for tmp in ("/tmp", "/var/tmp") for name in names]


def _remove(*folders: Path) -> None:
    for folder in folders:
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=False)


def _remove_stale() -> None:
    """Remove the users of sessions that were killed."""
    for account in pwd.getpwall():
        session = re.fullmatch(r"/var/tmp/pdb[a-z]+(\d+)-\w+", account.pw_dir)
        if session and not Path("/proc", session[1]).exists():
            home = Path(account.pw_dir)
            remove_user(User(name=account.pw_name, uid=account.pw_uid, home=home))


@pytest.fixture(scope="session")
def user() -> Iterator[User]:
    """An ordinary user with subordinate ids, for the session."""
    needs_root()
    with _alone():
        _remove_stale()
    made = make_user(f"pdbtest{os.getpid()}", subordinate=True)
    yield made
    remove_user(made)


@pytest.fixture(scope="session")
def bare_user() -> Iterator[User]:
    """A user without subordinate ids, as on many clusters."""
    needs_root()
    made = make_user(f"pdbbare{os.getpid()}", subordinate=False)
    yield made
    remove_user(made)


@pytest.fixture
def newcomer() -> Iterator[User]:
    """An account of a test's own, with subordinate ids and nothing in it, no engines either."""
    needs_root()
    made = make_user(f"pdbother{os.getpid()}", subordinate=True)
    yield made
    remove_user(made)


@pytest.fixture(scope="session")
def pdbuild_python() -> Iterator[Path]:
    """A Python with pdbuild that every user can run: a wheel of this checkout, installed."""
    prepared = os.environ.get("PDBUILD_TEST_PYTHON")
    if prepared:
        yield Path(prepared)
        return
    with tempfile.TemporaryDirectory(prefix="pdbuild-venv-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        pip = [sys.executable, "-m", "pip", "--quiet"]
        _checked([public_python(), "-m", "venv", "--without-pip", folder / "venv"])
        _checked([*pip, "wheel", "--no-deps", "--wheel-dir", folder, CHECKOUT])
        python = folder / "venv" / "bin" / "python"
        _checked([*pip, "--python", python, "install", *folder.glob("*.whl")])
        yield python


@pytest.fixture(scope="session")
def engines(user: User, pdbuild_python: Path) -> Path:
    """The directory of engine programs in the user's data directory."""
    return equip(user, pdbuild_python)


def equip(user: User, python: Path) -> Path:
    """Give the engines, and have the user ask for what `podman run` by hand lacks on this host."""
    given = give_engines(user)
    if shutil.which("podman"):
        ask = [python.parent / "pdbuild", "doctor", "--write-podman"]
        asked = user.run(ask, timeout=120)
        assert asked.returncode == 0, asked.stderr
    return given


def give_engines(user: User) -> Path:
    """Link the developer's engines into `user`'s data directory; waits until they are built."""
    from pdbuild.engine import install

    named = os.environ.get("PDBUILD_TEST_ENGINES")
    source = Path(named) if named else install.install().parent
    target = user.home / ".local/share/pdbuild/engines" / source.name
    if not target.exists():
        _checked(["install", "-d", "-o", user.name, *reversed(target.parents[:4]), target])
        for path in source.rglob("*"):
            place = target / path.relative_to(source)
            if path.is_dir():
                place.mkdir()
            else:
                _link(path, place)
    return target / "bin"


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another disk
        shutil.copy2(source, target)


def _checked(argv: Words) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def public_python() -> Path:
    """A Python that other users can run: root's own may be in a home of mode 0700."""
    base = sys._base_executable  # type: ignore[attr-defined]
    candidates = [Path(path) for path in (base, "/usr/local/bin/python3", "/usr/bin/python3")]
    fits = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
    for path in candidates:
        if path.exists() and _reachable(path):
            tried = subprocess.run([path, "-c", fits], capture_output=True, check=False)
            if tried.returncode == 0:
                return path
    raise AssertionError(f"none of {candidates} is a Python 3.11 that every user can run")


def _reachable(path: Path) -> bool:
    real = path.resolve()
    return all(parent.stat().st_mode & 0o001 for parent in (real, *real.parents))


def _subordinates(name: str, file: str = "/etc/subuid") -> list[range]:
    spans = []
    for line in Path(file).read_text().splitlines():
        owner, start, count = line.split(":")
        if owner == name:
            spans.append(range(int(start), int(start) + int(count)))
    return spans


def _end(file: str) -> int:
    lines = Path(file).read_text().split()
    return max((int(line.split(":")[1]) + int(line.split(":")[2]) for line in lines), default=0)


# The projects come last: their module needs what is above.
from .cluster.slurm import Slurm, slurm  # noqa: E402
from .hello import hello  # noqa: E402
from .project import Project, sample  # noqa: E402

__all__ = ["hello"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Slurm]:
    """Slurm with two nodes, both on this machine."""
    needs_root()
    place = tempfile.TemporaryDirectory(prefix="pdbuild-slurm-", dir="/var/tmp")
    with place as folder, slurm(Path(folder)) as made:
        yield made


@pytest.fixture
def greet(
    user: User, pdbuild_python: Path, engines: Path, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """A fresh copy of the small make project, gone after the test."""
    name = f"greet-{request.node.name.partition('[')[0][-30:]}-{os.urandom(3).hex()}"
    made = sample(user, pdbuild_python, "make", name)
    yield made
    shutil.rmtree(made.root)
