"""How podman works on this host: its storage, its runtime, and what it lacks by hand."""

import json
from pathlib import Path

import pytest

from system.conftest import User

from .accounts import Account, found, load, somebody
from .images import IMAGE


def test_a_new_users_storage_becomes_overlay_for_plain_podman_too(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        assert found(account)["driver"] == "overlay"
        assert load(account, exported) == "True"
        images = ["podman", "images", "--format={{.Repository}}:{{.Tag}}"]
        assert account.user.run(images).stdout.strip() == IMAGE
        assert found(account)["notices"] == []
        # Nothing of the user's was written, until they ask for it.
        mine = account.user.home / ".config/containers"
        assert not mine.exists()
        done = account.user.run([pdbuild_python.parent / "pdbuild", "doctor", "--write-podman"])
        assert done.returncode == 0, done.stderr
        assert {f"wrote {path}" for path in mine.rglob("*.conf")} <= set(done.stdout.splitlines())
        # No word on stderr any more of a driver that a database overwrites.
        done = account.user.run(images)
        assert (done.stdout.strip(), "driver" in done.stderr) == (IMAGE, False)
        argv = ["podman", "run", "--rm", IMAGE, "true"]
        assert account.user.run(argv).returncode == 0
        assert load(account, exported) == "False"


def test_a_users_empty_vfs_storage_becomes_overlay(pdbuild_python: Path) -> None:
    with somebody(pdbuild_python) as account:
        if account.podman("info", "--format={{.Store.GraphDriverName}}") != "vfs":
            pytest.skip("NOT RUN: this podman does not take vfs by itself")
        result = found(account)
        assert result["driver"] == "overlay"
        assert "storage.conf" in result["notices"][0]
        assert account.podman("info", "--format={{.Store.GraphDriverName}}") == "overlay"


def test_a_users_vfs_storage_with_images_is_left_alone_and_works(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        pull = ["podman", "--storage-driver=vfs", "pull", f"oci:{exported[0]}"]
        pulled = account.user.run(pull)
        assert pulled.returncode == 0, pulled.stderr
        result = found(account)
        assert result["driver"] == "vfs" and "slow driver vfs" in result["notices"][0]
        assert not (account.user.home / ".config/containers/storage.conf").exists()
        load(account, exported)
        assert account.run("true").returncode == 0


def test_a_runtime_that_fails_is_passed_over_and_the_finding_kept(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        refusing = account.user.home / "crun"
        refusing.write_text("#!/bin/sh\necho cgroups in hybrid mode not supported >&2; exit 1\n")
        refusing.chmod(0o755)
        conf = account.user.home / ".config/containers/containers.conf"
        account.user.run(["mkdir", "-p", conf.parent])
        conf.write_text(f'[engine]\nruntime = "crun"\n[engine.runtimes]\ncrun = ["{refusing}"]\n')
        before = conf.read_text()
        load(account, exported)
        flags = found(account)["flags"]
        assert any(flag.endswith("/runc") for flag in flags)
        assert account.run("sh", "-c", "exit 4").returncode == 4
        assert conf.read_text() == before
        # Plain podman takes the one that refuses, and a drop-in helps.
        lacking = json.loads(account.do("plain").stdout)
        assert lacking["error"] and "runtime = " in lacking["text"]
        drop_in = Path(lacking["path"])
        account.user.run(["mkdir", "-p", drop_in.parent])
        drop_in.write_text(lacking["text"])
        assert account.user.run(["podman", "run", "--rm", IMAGE, "true"]).returncode == 0
        drop_in.unlink()
        # Nothing works: each candidate says why. The file changed, so it is tried again.
        conf.write_text(before + '\n[containers]\nseccomp_profile = "/nowhere"\n')
        done = account.do("find")
        assert done.returncode == 71 and "no container runs here" in done.stderr
        assert "--cgroup-manager=cgroupfs: " in done.stderr and "/nowhere" in done.stderr


def test_without_subordinate_ids_files_still_belong_to_the_caller(
    bare_user: User, pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    account = Account(bare_user, pdbuild_python)
    assert found(account)["keep_id"] is False
    load(account, exported)
    mounts = [(str(bare_user.home), "/work", False)]
    done = account.run("sh", "-c", "id -u; touch /work/f; touch ~/f", mounts=mounts)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert (bare_user.home / "f").stat().st_uid == bare_user.uid


def test_podman_absent(pdbuild_python: Path) -> None:
    with somebody(pdbuild_python, {"PATH": "/nowhere"}) as account:
        done = account.do("find")
        assert done.returncode == 71
        assert done.stderr == (
            "EngineError: podman is not installed [apt install podman uidmap runc]\n"
        )


def test_what_plain_podman_lacks_here_is_told_and_helps(
    pdbuild_python: Path, exported: tuple[Path, str]
) -> None:
    with somebody(pdbuild_python) as account:
        load(account, exported)
        lacking = json.loads(account.do("plain").stdout)
        if lacking:
            path = Path(lacking["path"])
            print(f"\nplain podman needs {path}:\n{lacking['text']}")
            account.user.run(["mkdir", "-p", path.parent])
            path.write_text(lacking["text"])
        work = account.user.home
        argv = ["podman", "run", "--rm", "-v", f"{work}:/work", IMAGE, "touch", "/work/plain"]
        done = account.user.run(argv)
        assert done.returncode == 0, done.stderr
        assert (work / "plain").stat().st_uid == account.user.uid
        assert json.loads(account.do("plain").stdout) is None
