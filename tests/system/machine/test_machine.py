"""Logins of ordinary users on an ordinary Debian 13."""

import json
import re
import signal
import subprocess
import time
from typing import Any

import pytest

from .machine import Machine

pytestmark = pytest.mark.long

ENGINES = ("buildkit", "buildah")


def bake(engine: str) -> str:
    """A line of the shell that bakes anew, and lists what it made."""
    words = f"bake rootfs --engine={engine} --again --progress=plain"
    return f"cd ~/tiny && rm -rf build && pdbuild {words} && tar -tf build/rootfs.tar"


def doctor(machine: Machine, user: str) -> dict[str, dict[str, Any]]:
    """What doctor finds for a login, by name."""
    said = machine.does(user, "pdbuild doctor --json")
    return {one["name"]: one for one in json.loads(said.stdout)["findings"]}


def nothing_is_left(machine: Machine, user: str) -> None:
    """Wait until the session is over for systemd, too: then nothing runs, or is mounted."""
    look = (
        f"ps -eo user:32,uid,args --no-headers | grep -E '^({user} |[0-9]{{6}} )';"
        f" findmnt -rno TARGET | grep -E '/{user}|pdbuild|mmdebstrap'"
    )
    deadline = time.monotonic() + 90
    while left := machine.does("root", look).stdout:
        assert time.monotonic() < deadline, left
        time.sleep(1)


def test_doctor_has_nothing_to_say(machine: Machine) -> None:
    before = machine.succeeds("ann", "find ~ | sort")
    found = doctor(machine, "ann")
    assert [one for one in found.values() if one["state"] != "ok"] == []
    assert found["cgroups"]["text"] == "version 2" and "rung A" in found["namespaces"]["text"]
    assert found["runner"]["text"] == "podman"  # without a flag: crun, systemd's control groups
    assert found["runtime"]["text"].startswith("/run/user/")
    assert machine.succeeds("ann", "find ~ | sort") == before
    assert "Nothing is wrong." in machine.succeeds("ann", "pdbuild doctor --site")
    bare = doctor(machine, "bob")
    assert "rung B" in bare["namespaces"]["text"] and bare["subuid"]["state"] == "warn"
    assert "usermod --add-subuids" in machine.succeeds("bob", "pdbuild doctor --site")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_login_bakes(machine: Machine, engine: str) -> None:
    assert "usr/lib/x86_64-linux-gnu/libc.so.6" in machine.succeeds("ann", bake(engine)).split()
    nothing_is_left(machine, "ann")


def test_a_login_without_subordinate_ids_bakes(machine: Machine) -> None:
    assert "usr/lib/x86_64-linux-gnu/libc.so.6" in machine.succeeds("bob", bake("auto")).split()
    nothing_is_left(machine, "bob")


@pytest.mark.parametrize("runtime", ["podman", "runc", "unshare", "proot", "charliecloud"])
def test_a_login_runs_an_image(machine: Machine, runtime: str) -> None:
    for user in ("ann", "bob"):
        line = f"pdbuild run --runtime={runtime} busy:1.0 echo here"
        assert machine.succeeds(user, line) == "here\n"
    nothing_is_left(machine, "bob")


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_left_of_a_login_that_is_lost(machine: Machine, engine: str) -> None:
    words = [*machine.login("ann"), bake(engine)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as login:
        assert login.stderr
        for line in login.stderr:
            if b"RUN" in line:
                break
        login.send_signal(signal.SIGKILL)
    nothing_is_left(machine, "ann")


def test_a_share_of_the_machine_is_what_control_groups_give(machine: Machine) -> None:
    for limit, why in (
        ("CPUQuota=100%", "the control group's share of the processors"),
        ("MemoryMax=1500M", "a gigabyte of memory for each"),
    ):
        scope = f"systemd-run --user --scope --quiet -p {limit}"
        code = "from pdbuild.confined import confined\nwith confined(): pass"
        line = f'{scope} /opt/pdbuild/bin/python -c "{code}"'
        said = machine.does("ann", line).stderr
        assert f"compilers: 1 at once ({why})" in said, said


@pytest.mark.parametrize(
    ("setting", "value"),
    [("kernel.unprivileged_userns_clone", 0), ("user.max_user_namespaces", 0)],
)
def test_a_setting_forbids_namespaces(machine: Machine, setting: str, value: int) -> None:
    before = machine.succeeds("root", f"/usr/sbin/sysctl -n {setting}").strip()
    machine.succeeds("root", f"/usr/sbin/sysctl -w {setting}={value}")
    try:
        found = doctor(machine, "ann")["namespaces"]
        assert "rung C" in found["text"]
        mend = re.search(rf"sysctl -w ({setting}=[0-9]+)", found["mend"])
        assert mend
        ran = machine.does("ann", "pdbuild run busy:1.0 echo here")
        assert (ran.returncode, ran.stdout) == (0, "here\n"), ran.stderr  # by proot
        machine.succeeds("root", f"/usr/sbin/sysctl -w {mend[1]}")
        assert "rung A" in doctor(machine, "ann")["namespaces"]["text"]
    finally:
        machine.succeeds("root", f"/usr/sbin/sysctl -w {setting}={before}")
    # Debian 13 has no AppArmor's of its own: the restriction of Ubuntu 24.04 is not in this kernel.
    listed = machine.succeeds("root", "/usr/sbin/sysctl -a 2>/dev/null | grep apparmor || true")
    assert "apparmor_restrict_unprivileged_userns" not in listed


def test_a_quota_of_ext4_is_no_full_disk(machine: Machine) -> None:
    machine.succeeds(
        "root",
        "export PATH=$PATH:/usr/sbin:/sbin; truncate -s 200M /disk && mkfs.ext4 -q -O quota /disk"
        " && mkdir /quota && mount -o loop,usrquota /disk /quota && mkdir /quota/ann"
        " && chown ann: /quota/ann && setquota -u ann 0 1000 0 0 /quota",
    )
    machine.succeeds("ann", "rm -f busy.tar; pdbuild save busy:1.0 --out busy.tar")
    done = machine.does("ann", "PDBUILD_DATA_DIR=/quota/ann/data pdbuild load busy.tar")
    assert done.returncode == 1 and "your quota is used up (`quota -s`)" in done.stderr, done.stderr
    machine.succeeds("root", "umount /quota && rm /disk && rmdir /quota")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_small_disk_in_memory_for_temporary_files(machine: Machine, engine: str) -> None:
    machine.succeeds("root", "mount -o remount,size=2M /tmp")
    try:
        machine.succeeds("ann", bake(engine))
    finally:
        machine.succeeds("root", "mount -o remount,size=50% /tmp")
