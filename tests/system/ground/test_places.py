"""State that must be on a local disk goes there by itself, says so once, and doctor shows it."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from conformance.conftest import give_base
from conformance.runs import Run, give_driver

from system.conftest import give_engines

from .grounds import Someone, shown_as


def local(someone: Someone) -> Path:
    return Path(f"/var/tmp/pdbuild-{someone.user.uid}")


@pytest.mark.parametrize("on_network", ["chown,xattr,flock"], indirect=True)
def test_a_home_that_refuses_locks(on_network: Someone, exported: tuple[Path, str]) -> None:
    place = local(on_network)
    found = on_network.doctor()
    assert found["exit"]["code"] == 0
    assert str(place) in found["cache"]["text"] and "refuses locks" in found["cache"]["text"]
    assert f"{place}/data" in found["data"]["text"] and found["data"]["state"] == "warn"
    assert f"{place}/containers" in found["podman images"]["text"]
    assert not place.exists()
    said = on_network.adopts(exported)
    assert f"is on fuse.hostile, which refuses locks: {place}/data is used" in said
    first, second = (on_network.runs("id", "-u") for _ in range(2))
    assert (first.returncode, first.stdout) == (0, f"{on_network.user.uid}\n"), first.stderr
    assert f"podman stores your images in {place}/containers" in first.stderr
    assert (second.returncode, second.stderr) == (0, "")


@pytest.mark.parametrize("on_network", ["chown,xattr"], indirect=True)
def test_a_home_on_nfs_keeps_what_it_can(on_network: Someone, exported: tuple[Path, str]) -> None:
    place, home = local(on_network), on_network.user.home
    found = on_network.doctor()
    assert f"{home}/.cache/pdbuild, fuse.hostile" in found["cache"]["text"]
    assert (str(place) in found["builds"]["text"], found["builds"]["state"]) == (True, "warn")
    assert found["data"]["state"] == "ok"
    assert on_network.adopts(exported) == ""
    assert on_network.runs("true").returncode == 0
    assert (home / ".local/share/pdbuild/images/index.json").exists()
    # Another node has a disk of its own and the same home; both begin at once.
    script = (
        f"mount -t tmpfs -o mode=0700 tmpfs {place} && chown {on_network.user.name}: {place}"
        " && mount -t tmpfs -o mode=1777 tmpfs /tmp"
    )
    other = replace(on_network, inside=script)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda one: one.runs("id", "-u"), [other, on_network]))
    assert [(done.returncode, done.stdout) for done in both] == [(0, f"{other.user.uid}\n")] * 2, (
        both
    )


@pytest.mark.parametrize("on_network", ["chown,xattr,slow=3"], indirect=True)
def test_slow_metadata_costs_each_start_little(
    on_network: Someone, exported: tuple[Path, str]
) -> None:
    on_network.adopts(exported)
    on_network.runs("true")
    began = time.monotonic()
    done = on_network.runs("true")
    took = time.monotonic() - began
    print(f"run, when a look at a file takes 3 ms: {took:.1f} s")
    assert (done.returncode, done.stderr) == (0, "")
    # Hundreds of looks, not thousands; 1.2 s on two cores that do nothing else.
    assert took < 10


def test_a_home_that_is_not_there(newcomer: Someone, exported: tuple[Path, str]) -> None:
    lost = newcomer.with_env(HOME="/nowhere/ann")
    found = lost.doctor()
    assert "your home /nowhere/ann is not there" in found["environment"]["text"]
    assert not local(lost).exists()
    assert "your home /nowhere/ann is not there" in lost.adopts(exported)
    done = lost.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{lost.user.uid}\n"), done.stderr
    assert "/nowhere" not in done.stderr


def test_a_home_that_cannot_be_written(newcomer: Someone, exported: tuple[Path, str]) -> None:
    home = newcomer.user.home
    script = f"mount --bind {home} {home} && mount -o remount,bind,ro {home}"
    reader = replace(newcomer, inside=script)
    found = reader.doctor()
    assert "cannot be written" in found["cache"]["text"] and found["exit"]["code"] == 0
    reader.adopts(exported)
    done = reader.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{reader.user.uid}\n"), done.stderr


def test_a_disk_in_ram_for_temporary_files(newcomer: Someone, exported: tuple[Path, str]) -> None:
    small = replace(newcomer, inside="mount -t tmpfs -o size=1m,mode=1777 tmpfs /tmp")
    assert "tmpfs" in small.doctor()["temporary"]["text"]
    small.adopts(exported)
    done = small.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{small.user.uid}\n"), done.stderr


def test_many_tasks_start_at_once(newcomer: Someone, exported: tuple[Path, str]) -> None:
    newcomer.adopts(exported)
    words = (newcomer.python.parent / "pdbuild", "run", "tiny:0.1.0-cpu", "id", "-u")
    begun = [
        subprocess.Popen(
            newcomer.command(*words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        )
        for _ in range(64)
    ]  # fmt: skip
    ended = [(*one.communicate(timeout=300), one.returncode) for one in begun]
    wrong = [end for end in ended if end[0] != f"{newcomer.user.uid}\n" or end[2]]
    assert not wrong, (len(wrong), wrong[:3])
    assert sum("podman stores your images" in end[1] for end in ended) <= 1


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_builds_of_a_home_on_nfs(newcomer: Someone, hostile: Path, engine: str) -> None:
    user, home = newcomer.user, newcomer.user.home
    give_engines(user)
    give_base(user, newcomer.python)
    give_driver(user)
    seen = home.with_name(f"{home.name}-seen")
    with shown_as(hostile, home, seen, "chown,xattr"):
        run = Run(engine, replace(user, home=seen), newcomer.python, cases=("copy-stage", "cache"))
        try:
            results = run.results()
        finally:
            run.stop()
    assert set(results) == {"copy-stage", "cache"}
    assert (local(newcomer) / engine).is_dir() and not (home / ".cache/pdbuild" / engine).exists()
    seen.rmdir()
