"""Containers in the background: logs, stop, what they leave, and those of others."""

import signal
import time

from .accounts import Account, container, until
from .images import IMAGE


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
    assert done.returncode == 70 + 127, done.stderr
    assert done.stderr.startswith("ProgramError: there is no program nonesuch in image ")
