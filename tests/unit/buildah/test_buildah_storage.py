"""A storage that is removed while a build waits for it is made anew."""

import os
import threading
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.engine import place
from pdbuild.engine.buildah import storage
from pdbuild.engine.buildah.place import Place

BUILDAH = tools.Tool(name="buildah", path=Path("/bin/false"), version="1.39.0", origin="system")


def made(folder: Path) -> Place:
    for name in ("tmp", "records", "runs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Place(folder=folder, driver="overlay", one_id=False, buildah=BUILDAH.path)


def test_builds_share_it_and_leave_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_find", lambda buildah: made(tmp_path / "s"))
    with storage.enter(BUILDAH) as (first, one), storage.enter(BUILDAH) as (second, other):
        assert first == second and one != other
        assert place.take(tmp_path / "s" / "lock") is None
    assert list((tmp_path / "s" / "runs").iterdir()) == []
    alone = place.take(tmp_path / "s" / "lock")
    assert alone is not None
    os.close(alone)


def test_removed_while_a_build_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_find", lambda buildah: made(tmp_path / "s"))
    opened = threading.Event()

    def tidy(where: Place, lock: int) -> None:
        opened.set()

    monkeypatch.setattr(storage, "_tidy_if_alone", tidy)
    made(tmp_path / "s")
    held = place.take(tmp_path / "s" / "lock")
    assert held is not None
    entered: list[Path] = []

    def build() -> None:
        with storage.enter(BUILDAH) as (where, run):
            entered.append(run)
            assert place.take(where.folder / "lock") is None

    building = threading.Thread(target=build)
    building.start()
    assert opened.wait(20)
    (tmp_path / "s").rename(tmp_path / ".removed")
    os.close(held)
    building.join(20)
    assert [run.parent for run in entered] == [tmp_path / "s" / "runs"]
    assert list((tmp_path / ".removed" / "runs").iterdir()) == []
