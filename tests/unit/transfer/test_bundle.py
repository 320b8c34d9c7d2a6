"""Bundles of the OCI's runtime specification, and the one file that a job's image is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.jobs import tree
from pdbuild.mounts import kept
from pdbuild.store import Store
from pdbuild.transfer.archives import save
from pdbuild.transfer.bundle import Bound, configuration, hosts
from pdbuild.transfer.unpack import placed

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small

IMAGE = "localhost/x:1"


@pytest.fixture
def store(own_places: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store(own_places / "store")
    small.image(store, own_places / "made", IMAGE, b"program")
    monkeypatch.chdir(own_places)
    return store


def test_a_bundle_has_the_files_and_how_they_run(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    save(store, [IMAGE], "bundle", out, platform="linux/amd64")
    root = out / "rootfs"
    assert (root / small.named(b"program")).read_bytes() == b"program"
    assert (root / small.named(b"amd64")).exists() and (root / "work").is_dir()
    assert os.access(root, os.W_OK)
    settings = json.loads((out / "config.json").read_text())
    assert settings["root"] == {"path": "rootfs", "readonly": True}
    assert settings["process"]["cwd"] == "/work" and settings["process"]["args"] == ["sh"]
    assert not settings["process"]["terminal"]
    assert settings["linux"]["uidMappings"] == [
        {"containerID": 0, "hostID": os.getuid(), "size": 1}
    ]
    mounts = {mount["destination"]: mount for mount in settings["mounts"]}
    assert mounts["/work"]["source"] == str(tmp_path)
    assert mounts["/work"]["options"] == ["rbind"]
    for name in mounts:
        assert (root / name.lstrip("/")).exists(), name
    with pytest.raises(UsageError, match="is there already"):
        save(store, [IMAGE], "bundle", out)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_bundle_is_the_same_whatever_disks_forbid_here(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be started elsewhere: what it mounts is forbidden all that a disk there can forbid."""
    texts = []
    for flags in (os.ST_RELATIME, os.ST_NOSUID | os.ST_NODEV):
        strict(monkeypatch, flags)
        save(store, [IMAGE], "bundle", tmp_path / f"bundle.{flags}", platform="linux/amd64")
        texts.append((tmp_path / f"bundle.{flags}/config.json").read_text())
    assert texts[0] == texts[1]
    mounts = json.loads(texts[0])["mounts"]
    fixed = [mount["options"] for mount in mounts if "ro" in mount.get("options", ())]
    assert fixed == [["rbind", "ro", "nosuid", "nodev", "noexec"]] * len(hosts())


def strict(monkeypatch: pytest.MonkeyPatch, flags: int) -> None:
    """Have all disks be mounted with these."""
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        return os.statvfs_result((*real(path)[:8], flags, 255))

    monkeypatch.setattr(os, "statvfs", statvfs)


def test_what_a_disk_forbids_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch, os.ST_NOSUID | os.ST_NODEV | os.ST_RELATIME)
    assert kept(tmp_path) == ("nosuid", "nodev")
    assert kept(tmp_path / "none") == ()


def test_only_what_is_read_only_is_told_what_is_forbidden(tmp_path: Path) -> None:
    bound = [
        Bound(source=tmp_path, target="/shown", read_only=True, options=("nosuid", "nodev")),
        Bound(source=tmp_path, target="/own", options=("nosuid",)),
    ]
    text = configuration(
        root="rootfs", argv=["true"], env=[], workdir="/", bound=bound, read_only=True
    )
    options = {mount["destination"]: mount.get("options") for mount in json.loads(text)["mounts"]}
    assert options["/shown"] == ["rbind", "ro", "nosuid", "nodev"]
    assert options["/own"] == options["/sys"] == ["rbind"]


def test_places_are_made_where_nobody_may_write(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    for folder in (root / "etc", root):
        folder.chmod(0o555)
    file = tmp_path / "file"
    file.touch()
    for _ in range(2):
        placed(root, {"/a/b": tmp_path, "/etc/hosts": file, "/etc": tmp_path})
    assert (root / "a/b").is_dir() and (root / "etc/hosts").is_file()
    assert root.stat().st_mode & 0o777 == (root / "etc").stat().st_mode & 0o777 == 0o555


@pytest.mark.skipif(not shutil.which("mksquashfs"), reason="NOT RUN: no mksquashfs on this host")
def test_a_jobs_file_system_has_what_mounts_need(store: Store, tmp_path: Path) -> None:
    made = [
        tree.write(store, IMAGE, "linux/amd64", tmp_path / name, form="squashfs", workdir="/a/b")
        for name in ("one", "two")
    ]
    assert made[0].suffix == ".sqfs" and made[0].read_bytes() == made[1].read_bytes()
    listed = subprocess.run(
        ["unsquashfs", "-lln", made[0]], capture_output=True, text=True, check=True
    ).stdout
    lines = {line.split()[-1]: line for line in listed.splitlines() if "squashfs-root" in line}
    for name in ("proc", "tmp", "etc", "a/b"):
        assert lines[f"squashfs-root/{name}"].startswith("drwx")
    for name in ("etc/hosts", "etc/resolv.conf", small.named(b"program")):
        assert lines[f"squashfs-root/{name}"].startswith("-r")
    plain = tree.write(store, IMAGE, "linux/amd64", tmp_path / "one", form="tar", workdir="/a/b")
    assert plain.name == f"{made[0].stem}.tar"
