"""A lock is one pdbuild's at a time, and goes with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild.locks import alone

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
