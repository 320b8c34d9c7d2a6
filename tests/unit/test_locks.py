"""A lock is one pdbuild's at a time, and goes with it."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild import artifacts, definition, mounts
from pdbuild.locks import alone
from pdbuild.store import Store

HOLDER = """
import sys, time
from pathlib import Path
from pdbuild.locks import alone
with alone(Path(sys.argv[1]), lambda: print("waits", flush=True)):
    print("has it", flush=True)
    sys.stdin.read()
"""


def holder(lock: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["a file", "a folder"])
def test_the_second_says_that_it_waits(kind: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    if kind == "a folder":
        lock.mkdir()
    with alone(lock, lambda: pytest.fail("nobody has it")):
        other = holder(lock)
        assert other.stdout and other.stdout.readline() == "waits\n"
    with other:
        assert other.stdout.readline() == "has it\n"
        other.kill()
    with alone(lock, lambda: pytest.fail("who had it is gone")):
        pass
    assert list(tmp_path.iterdir()) == [lock]


@pytest.fixture
def nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place is on NFS 4, whose flock is what lockf is elsewhere: it asks how a file is open.

    But for folders, whose locks stay on this machine.
    """

    def flock(file: int, how: int) -> None:
        if not Path(f"/proc/self/fd/{file if isinstance(file, int) else file.fileno()}").is_dir():
            fcntl.lockf(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(mounts, "remote", lambda path: "nfs4")


def test_a_file_is_open_as_nfs_wants_it(nfs: None, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"), Path("/dev/null").open() as reader:
        fcntl.flock(reader.fileno(), fcntl.LOCK_EX)
    with alone(tmp_path / "lock"), alone(tmp_path / "lock"):  # also one that is there
        pass
    with Store(tmp_path / "images").reading():
        pass
    with definition._kept(tmp_path / "passwords"):
        pass


def test_other_machines_see_that_build_is_being_written(nfs: None, tmp_path: Path) -> None:
    artifacts.collect(tmp_path, ())
    assert [path.name for path in (tmp_path / "build").iterdir()] == [".lock"]
