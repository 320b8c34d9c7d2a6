"""Signals reach the program, and a killed pdbuild leaves no container."""

import signal
import time

import pytest

from .accounts import WAITS, Account, container, running, until


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
