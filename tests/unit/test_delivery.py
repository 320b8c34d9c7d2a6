"""Signals for a container's program: none that comes while it starts is lost."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.container import foreground
from pdbuild.container.delivery import Delivery
from pdbuild.container.foreground import Foreground

HANDLES = """
import signal, sys, time
def ended(number, frame):
    sys.exit(7)
sys.stdin.readline()
signal.signal(signal.SIGTERM, ended)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def refused(number: int) -> None:
    raise AssertionError("no name is needed for a process of our own")


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """One that has a handler for SIGTERM once it has read a line."""
    with subprocess.Popen(
        [sys.executable, "-c", HANDLES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def handler_is_there(program: subprocess.Popen[str]) -> None:
    assert program.stdin and program.stdout
    program.stdin.write("\n")
    program.stdin.flush()
    assert select.select([program.stdout], [], [], 10)[0]
    assert program.stdout.readline() == "ready\n"


def test_before_the_program_is_there(tmp_path: Path, program: subprocess.Popen[str]) -> None:
    deliver = Delivery(tmp_path / "pid", refused)
    assert not deliver(signal.SIGTERM, True)
    handler_is_there(program)
    assert program.poll() is None
    (tmp_path / "pid").write_text(str(program.pid))
    assert deliver(signal.SIGTERM, False)
    assert program.wait(10) == 7 and not deliver.killed_for


def test_between_its_start_and_its_handler(tmp_path: Path, program: subprocess.Popen[str]) -> None:
    deliver = Delivery(tmp_path / "pid", refused)
    assert not deliver(signal.SIGTERM, True)
    # Python starts: it is there, and has no handler yet.
    (tmp_path / "pid").write_text(str(program.pid))
    assert deliver(signal.SIGTERM, False)
    handler_is_there(program)
    assert deliver(signal.SIGTERM, False)
    assert program.wait(10) == 7 and not deliver.killed_for


def test_once_however_often_it_is_asked(
    tmp_path: Path, program: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    handler_is_there(program)
    (tmp_path / "pid").write_text(str(program.pid))
    deliver = Delivery(tmp_path / "pid", refused)
    for first in (True, False, False):
        assert deliver(signal.SIGTERM, first)
    assert sent == [signal.SIGTERM]


def test_without_a_handler_it_is_killed(tmp_path: Path, program: subprocess.Popen[str]) -> None:
    deliver = Delivery(tmp_path / "pid", refused)
    assert not deliver(signal.SIGTERM, True)
    (tmp_path / "pid").write_text(str(program.pid))
    for _ in range(3):
        assert deliver(signal.SIGTERM, False)
    assert program.wait(10) == -signal.SIGKILL and deliver.killed_for == signal.SIGTERM


def test_a_start_may_take_longer_than_what_comes_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked on until the program is there, and then for a while more."""
    monkeypatch.setattr(foreground, "_AGAIN_EVERY", 0.01)
    monkeypatch.setattr(foreground, "_AGAIN_TIMES", 5)
    asked: list[bool] = []

    def deliver(number: int, first: bool) -> bool:
        asked.append(first)
        if len(asked) == 20:
            os.kill(running.pid, signal.SIGKILL)
        return False

    running = Foreground(["sleep", "60"], deliver=deliver)
    # To this thread: a test runner's others do not block it.
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    began = time.monotonic()
    assert running.wait() == 128 + signal.SIGKILL
    assert time.monotonic() - began < 30
    assert asked == [True, *[False] * 19] and running.interrupted_by == signal.SIGHUP
