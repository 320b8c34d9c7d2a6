"""What is used up is named, also where the kernel has the same words for different things."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from system.conftest import until_gone
from system.container.accounts import until
from system.forbidden import FORBID

from .grounds import Someone

# Fills the session's keyring, which children inherit, and becomes the command.
_KEYS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(250, 1, 0)  # keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)
for number in range(20000):
    if libc.syscall(248, b"user", b"pdbuild-%d" % number, b"x", 1, -3) == -1:  # add_key
        break
else:
    sys.exit("this machine has no quota of keys")
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def limited(newcomer: Someone) -> Iterator[Path]:
    """A folder of the newcomer's on a disk with room, where they may have one megabyte."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        disk, at = Path(name, "disk"), Path(name, "at")
        at.mkdir()
        with disk.open("wb") as file:
            file.truncate(160 << 20)
        for argv in (
            # Not every kernel knows the quotas of ext4 and xfs; those of btrfs are its own.
            ["mkfs.btrfs", "-q", disk],
            ["mount", "-o", "loop", disk, at],
            ["chmod", "0755", name],
            ["btrfs", "quota", "enable", at],
            ["btrfs", "subvolume", "create", at / "mine"],
            ["btrfs", "qgroup", "limit", "1M", at / "mine"],
        ):
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        mine = at / "mine"
        os.chown(mine, newcomer.user.uid, newcomer.user.uid)
        yield mine
        subprocess.run(["umount", at], check=True)


def test_a_quota_is_no_full_disk(
    newcomer: Someone, exported: tuple[Path, str], limited: Path
) -> None:
    newcomer.adopts(exported)
    archive = newcomer.user.home / "tiny.tar"
    saved = newcomer.pdbuild("save", "tiny:0.1.0-cpu", "--out", str(archive))
    assert saved.returncode == 0, saved.stderr
    small = newcomer.with_env(PDBUILD_DATA_DIR=str(limited))
    done = small.pdbuild("load", str(archive))
    assert done.returncode == 1, done.stdout
    assert "your quota is used up (`quota -s`)" in done.stderr, done.stderr
    assert "user namespaces" not in done.stderr
    # The same, on a disk that is full for all.
    full = replace(small, inside=f"mount -t tmpfs -o size=1m,mode=1777 tmpfs {limited}")
    done = full.pdbuild("load", str(archive))
    assert done.returncode == 1
    assert "no space left on device" in done.stderr.lower() and "prune" in done.stderr
    assert "quota" not in done.stderr


def test_namespaces_are_no_disk(newcomer: Someone, exported: tuple[Path, str]) -> None:
    newcomer.adopts(exported)
    assert newcomer.runs("true").returncode == 0
    uid = str(newcomer.user.uid)
    pdbuild = (sys.executable, "-c", FORBID, uid, uid, newcomer.python.parent / "pdbuild")
    # podman cannot, and proot, which needs none, is taken where nothing was asked for.
    for options, code in (("--runtime=podman",), 1), ((), 0):
        done = subprocess.run(
            [*pdbuild, "run", *options, "tiny:0.1.0-cpu", "true"],
            env=newcomer.user.env, cwd=newcomer.user.home, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "sysctl -w user.max_user_namespaces" in done.stderr, done.stderr
        assert "prune" not in done.stderr and "quota" not in done.stderr
    assert done.stderr.startswith("runtime: proot (all user namespaces"), done.stderr


def test_keys_are_no_disk(bare_newcomer: Someone, exported: tuple[Path, str]) -> None:
    newcomer = bare_newcomer  # with subordinate ids the key would be another user's
    newcomer.adopts(exported)
    argv = newcomer.command(newcomer.python, "-c", _KEYS, "sleep", "600")
    with subprocess.Popen(argv, cwd="/") as holder:
        try:
            until(lambda: any("sleep 600" in line for line in newcomer.user.processes()))
            done = newcomer.runs("id", "-u")
            assert done.returncode == 1, done
            assert "your quota of kernel keys is used up" in done.stderr
            assert "prune" not in done.stderr and "quota -s" not in done.stderr
            assert newcomer.pdbuild("doctor", "--write-podman").returncode == 0
            done = newcomer.runs("id", "-u")
            assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
        finally:
            holder.kill()


def test_a_login_node_that_ends_what_takes_long(
    newcomer: Someone, exported: tuple[Path, str]
) -> None:
    short = replace(newcomer, inside="ulimit -t 600")
    limits = short.doctor()["limits"]
    assert limits["state"] == "warn" and "after 600 seconds of processor time" in limits["text"]
    newcomer.adopts(exported)
    assert newcomer.runs("true").returncode == 0
    words = (newcomer.python.parent / "pdbuild", "run", "tiny:0.1.0-cpu", "sleep", "600")
    with subprocess.Popen(newcomer.command(*words), cwd="/") as long:
        until(lambda: any("sleep 600" in line for line in newcomer.user.processes()), 30)
        mine = [int(line.split()[0]) for line in newcomer.user.processes()]
        os.kill(long.pid, signal.SIGKILL)  # which has become pdbuild
        until_gone(mine)
    assert newcomer.runs("id", "-u").stdout == f"{newcomer.user.uid}\n"
