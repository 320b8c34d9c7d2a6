"""Terminals: one of its own, the caller's, and what is typed there."""

import contextlib
import os
import pty
import pwd
import select
import shutil
import subprocess
import time
from typing import Any

import pytest

from .accounts import DRIVER, WAITS, Account, container


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
