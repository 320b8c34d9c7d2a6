"""Children that are stopped in steps and die with their parent."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from pdbuild.engine import process


def test_the_first_step_is_enough_for_a_polite_child() -> None:
    child = process.popen(["sleep", "100"])
    assert process.stop(child) == -signal.SIGINT


def test_a_deaf_child_is_killed_with_its_children() -> None:
    script = "trap '' INT TERM; sleep 100 & echo $!; wait; wait"
    child = process.popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = os.pidfd_open(int(child.stdout.readline()))
    began = time.monotonic()
    ladder = ((signal.SIGINT, 0.05), (signal.SIGTERM, 0.05), (signal.SIGKILL, 5.0))
    assert process.stop(child, ladder) == -signal.SIGKILL
    assert time.monotonic() - began < 4
    assert select.select([grandchild], [], [], 5)[0]
    os.close(grandchild)


def test_stopping_what_has_ended_gives_its_code() -> None:
    child = process.popen(["sh", "-c", "exit 7"])
    child.wait()
    assert process.stop(child) == 7


def test_wait_says_whether_it_ended() -> None:
    child = process.popen(["sleep", "100"])
    assert not process.wait(child, 0.01)
    child.kill()
    assert process.wait(child, 5)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_parent(death: signal.Signals) -> None:
    script = (
        "import os, signal, sys; from pdbuild.engine import process;"
        f"child = process.popen(['sleep', '100'], death=signal.Signals({int(death)}));"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        assert os.getsid(parent.pid) == os.getsid(0)
        parent.kill()
    assert select.select([child], [], [], 5)[0]
    os.close(child)
