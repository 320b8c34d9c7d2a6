"""What a session's environment says of places that are not there, and accounts with no name."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from system.conftest import User, clear_away

from .grounds import Someone


@pytest.mark.parametrize("named", ["/nowhere/run", "/root", "/run"])
def test_a_session_that_is_not_mine(
    newcomer: Someone, exported: tuple[Path, str], named: str
) -> None:
    strange = newcomer.with_env(XDG_RUNTIME_DIR=named)
    assert f"/tmp/pdbuild-{newcomer.user.uid}" in strange.doctor()["runtime"]["text"]
    assert f"XDG_RUNTIME_DIR={named} is not" in strange.adopts(exported)
    done = strange.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{newcomer.user.uid}\n"), done.stderr
    assert "XDG_RUNTIME_DIR" not in done.stderr


@pytest.mark.parametrize("flaw", ["is not there", "is mounted noexec", "cannot be written"])
def test_temporary_files_have_no_place(
    newcomer: Someone, exported: tuple[Path, str], flaw: str
) -> None:
    place = {"is not there": "/nowhere/tmp", "cannot be written": "/usr"}.get(flaw, "/mnt")
    noexec = "mount -t tmpfs -o noexec,mode=1777 tmpfs /mnt" if place == "/mnt" else ""
    strange = replace(newcomer.with_env(TMPDIR=place), inside=noexec)
    assert f"TMPDIR={place} {flaw}" in strange.doctor()["environment"]["text"]
    assert f"TMPDIR={place} {flaw}: /tmp is used" in strange.adopts(exported)
    done = strange.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{newcomer.user.uid}\n"), done.stderr


def test_a_uid_without_a_name(newcomer: Someone, exported: tuple[Path, str]) -> None:
    # Containers of clusters and of CI give such accounts, with no home either.
    uid, place = 54321, Path(f"/var/tmp/pdbuild-nameless-{os.getpid()}")
    nobody = replace(newcomer.with_env(HOME=""), uid=uid, at=place)
    place.mkdir()
    try:
        os.chown(place, uid, uid)
        found = nobody.doctor()
        assert "you have no home" in found["environment"]["text"]
        assert "needs an entry in /etc/passwd" in found["subuid"]["mend"]
        assert "buildah" in found["engine"]["text"] and found["exit"]["code"] == 0
        nobody.adopts(exported)
        done = nobody.runs("sh", "-c", "echo mine >file; id -u")
        assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
        assert (place / "file").stat().st_uid == uid
    finally:
        clear_away(User(name=f"uid{uid}", uid=uid, home=place))


def test_what_is_made_by_a_careful_umask_is_the_same(
    newcomer: Someone, exported: tuple[Path, str]
) -> None:
    careful = replace(newcomer, umask=0o077)
    careful.adopts(exported)
    done = careful.runs("id", "-u")
    assert (done.returncode, done.stdout) == (0, f"{newcomer.user.uid}\n"), done.stderr
