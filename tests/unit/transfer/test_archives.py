"""Archives of OCI's form: the same bytes each time, and back; what is damaged is refused."""

import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from pdbuild.errors import EngineError, UsageError
from pdbuild.store import Store
from pdbuild.transfer.archives import load, save

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small

BOTH = ("localhost/x:1", "localhost/x:2")


@pytest.fixture
def store(own_places: Path) -> Store:
    store = Store(own_places / "store")
    for reference in BOTH:
        small.image(store, own_places / "made", reference, b"shared" * 1000, reference.encode())
    return store


def digests(store: Store) -> dict[str, str]:
    return {reference: store.entry(reference).digest for reference in BOTH}


def test_an_archive_is_the_same_each_time_and_comes_back(store: Store, tmp_path: Path) -> None:
    save(store, BOTH, "oci", tmp_path / "a.tar")
    for blob in (store.path / "blobs/sha256").iterdir():
        os.utime(blob, (1, 1))
    save(store, reversed(BOTH), "oci", tmp_path / "b.tar")  # type: ignore[arg-type]
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    other = Store(tmp_path / "other")
    assert load(other, tmp_path / "a.tar") == BOTH
    assert digests(other) == digests(store)
    assert other.platforms(BOTH[0]) == ("linux/amd64", "linux/arm64")


def test_a_folder_is_a_layout_of_its_own(store: Store, tmp_path: Path) -> None:
    save(store, BOTH, "dir", tmp_path / "layout")
    blobs = (tmp_path / "layout/blobs/sha256").iterdir()
    blob = max(blobs, key=lambda blob: blob.stat().st_size)
    assert load(Store(tmp_path / "other"), tmp_path / "layout") == BOTH
    assert blob.stat().st_nlink == 1  # neither of this store, nor of that
    blob.write_bytes(b"changed")
    with pytest.raises(EngineError, match="another digest"):
        load(Store(tmp_path / "third"), tmp_path / "layout")
    assert Store(tmp_path / "third").images() == ()


def test_what_is_there_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("mine")
    for out in (tmp_path / "a.tar", tmp_path / "nowhere" / "a.tar"):
        with pytest.raises(UsageError):
            save(store, BOTH, "oci", out)
    assert (tmp_path / "a.tar").read_text() == "mine"


def test_an_archive_that_lacks_a_blob_changes_nothing(store: Store, tmp_path: Path) -> None:
    save(store, BOTH, "oci", tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as whole, tarfile.open(tmp_path / "b.tar", "w") as cut:
        for member in whole.getmembers()[:-1]:
            cut.addfile(member, whole.extractfile(member))
    other = Store(tmp_path / "other")
    with pytest.raises(EngineError, match="missing"):
        load(other, tmp_path / "b.tar")
    assert other.images() == ()


def test_an_archive_reaches_nothing_but_the_store(store: Store, tmp_path: Path) -> None:
    save(store, BOTH, "oci", tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar", "a") as tar:
        for name in ("../outside", f"blobs/sha256/../{'0' * 64}", "/etc/outside"):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo(f"blobs/sha256/{'1' * 64}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    before = {p.name for p in tmp_path.iterdir()} | {"DATA", "other"}
    load(Store(tmp_path / "other"), tmp_path / "a.tar")
    assert {p.name for p in tmp_path.iterdir()} <= before
    assert not list((tmp_path / "DATA").iterdir())


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b"])
def test_what_is_no_archive_is_said_so(store: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UsageError, match="is no archive of images"):
        load(store, tmp_path / "x")
    with pytest.raises(UsageError, match="there is no"):
        load(store, tmp_path / "nothing")


def test_a_folder_that_is_no_layout(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no OCI layout"):
        load(store, tmp_path)


def test_a_file_system_is_one_image_for_one_platform_and_the_same_each_time(
    store: Store, tmp_path: Path
) -> None:
    """With its owners and modes, by the real mksquashfs."""
    if not shutil.which("mksquashfs"):
        pytest.skip("NOT RUN: no mksquashfs on this host")
    first, second = tmp_path / "1.sqfs", tmp_path / "2.sqfs"
    save(store, [BOTH[0]], "squashfs", first, platform="linux/arm64")
    time.sleep(1.1)  # its times are to the second
    save(store, [BOTH[0]], "squashfs", second, platform="linux/arm64")
    assert first.read_bytes() == second.read_bytes()
    said = subprocess.run(
        ["unsquashfs", "-lln", first], capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[-1]: line.split()[:2] for line in said.splitlines() if line}
    assert listed["squashfs-root"] == ["drwxr-xr-x", "0/0"]
    assert listed[f"squashfs-root/{small.named(b'arm64')}"] == ["-rwxr-xr-x", "0/0"]
    assert f"squashfs-root/{small.named(b'amd64')}" not in listed
    with pytest.raises(UsageError, match="one image"):
        save(store, BOTH, "squashfs", tmp_path / "both")
    with pytest.raises(UsageError, match="not for linux/s390x"):
        save(store, [BOTH[0]], "squashfs", tmp_path / "other", platform="linux/s390x")
    assert sorted(path.name for path in tmp_path.glob("*sqfs*")) == ["1.sqfs", "2.sqfs"]


def test_without_mksquashfs_it_is_asked_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="mksquashfs is not installed"):
        save(store, [BOTH[0]], "squashfs", tmp_path / "one")
