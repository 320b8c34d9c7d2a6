"""A program in a container: exit codes, files, home, input, and how long the start takes."""

import os
import pwd
import statistics
import time

import pytest

from .accounts import Account


@pytest.mark.parametrize("code", [0, 3, 125, 126, 127])
def test_the_programs_exit_code_comes_back(account: Account, code: int) -> None:
    done = account.run("sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")


def test_a_program_that_is_not_there_or_not_executable(account: Account) -> None:
    missing = account.run("nonesuch")
    assert missing.returncode == 70 + 127
    assert missing.stderr.startswith("ProgramError: there is no program nonesuch in image ")
    refused = account.run("/etc/passwd")
    assert refused.returncode == 70 + 126 and " cannot be executed" in refused.stderr


def test_podmans_own_failure_is_an_error_with_its_message(account: Account) -> None:
    done = account.run("true", image="localhost/none:1")
    assert done.returncode == 71
    assert done.stderr.startswith("EngineError: podman: localhost/none:1: image not known")


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


def test_start_time(account: Account) -> None:
    spans = []
    for _ in range(5):
        before = time.monotonic()
        assert account.run("true").returncode == 0
        spans.append(time.monotonic() - before)
    print(f"\n{account.user.name}: container start, median of 5: {statistics.median(spans):.3f} s")
    assert statistics.median(spans) < 5
