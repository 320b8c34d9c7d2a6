"""The file in which caches travel."""

import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from pdbuild.errors import UsageError
from pdbuild.travel import archive
from pdbuild.travel.archive import Content, Mount

CONTENT = Content(
    project="squares",
    machine="linux/amd64",
    engine="buildkit",
    parts=("objects", "layers"),
    mounts=(Mount(name="0.tar", id="squares-ccache", target="/var/cache/ccache"),),
)


def written(folder: Path, name: str = "cache.tar.zst") -> Path:
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "data").write_bytes(bytes(range(256)) * 1000)
    out = folder / name
    files = {"mounts/0.tar": folder / "data", "engines/1f/bin/buildx": folder / "tool"}
    archive.write(out, CONTENT, files)
    return out


def test_there_and_back(tmp_path: Path) -> None:
    with archive.reading(written(tmp_path)) as (content, unpack):
        assert content == CONTENT
        unpack(tmp_path / "out")
    assert (tmp_path / "out/mounts/0.tar").read_bytes() == (tmp_path / "data").read_bytes()
    tool = tmp_path / "out/engines/1f/bin/buildx"
    assert tool.read_text() == "#!/bin/sh\n" and tool.stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "out/mounts/0.tar").stat().st_mode & 0o111


def test_the_same_is_the_same_file(tmp_path: Path) -> None:
    one = written(tmp_path).read_bytes()
    (tmp_path / "data").touch()
    assert written(tmp_path, "other").read_bytes() == one
    assert len(one) < 20_000


def made(path: Path, *entries: tarfile.TarInfo, about: bytes = b"") -> Path:
    with (
        path.open("wb") as raw,
        zstandard.ZstdCompressor().stream_writer(raw) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        first = tarfile.TarInfo(archive.NAME)
        first.size = len(about)
        tar.addfile(first, io.BytesIO(about))
        for entry in entries:
            tar.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


ABOUT = b'{"format": 1, "project": "x", "machine": "m", "engine": "e", "parts": [], "mounts": []}'


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "layers/../../x", "other/x", "mounts/.hidden", "layers"]
)
def test_nothing_is_put_anywhere_else(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "bad", tarfile.TarInfo(name), about=ABOUT)
    refused = pytest.raises(UsageError, match="is no archive of pdbuild's caches")
    with refused, archive.reading(path) as (_, unpack):
        unpack(tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*")) and not (tmp_path / "x").exists()


def test_links_are_not_taken(tmp_path: Path) -> None:
    link = tarfile.TarInfo("layers/x")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    path = made(tmp_path / "bad", link, about=ABOUT)
    with pytest.raises(UsageError), archive.reading(path) as (_, unpack):
        unpack(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "about",
    [b"", b"{}", b"[]", ABOUT.replace(b'"format": 1', b'"format": 2'), ABOUT[:-1] + b',"y":1}'],
)
def test_what_is_no_such_archive(tmp_path: Path, about: bytes) -> None:
    path = made(tmp_path / "bad", about=about)
    with pytest.raises(UsageError, match="is no archive"), archive.reading(path):
        pass


def test_damaged_missing_and_of_another_kind(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="is no archive"), archive.reading(cut) as (_, unpack):
        unpack(tmp_path / "out")
    (tmp_path / "text").write_text("no archive\n" * 100)
    for path in (tmp_path / "text", tmp_path / "data"):
        with pytest.raises(UsageError, match="is no archive"), archive.reading(path):
            pass
    with pytest.raises(UsageError, match="there is no"), archive.reading(tmp_path / "none"):
        pass


def test_nothing_is_left_of_one_that_could_not_be_written(tmp_path: Path) -> None:
    out = tmp_path / "out.tar.zst"
    with pytest.raises(FileNotFoundError):
        archive.write(out, CONTENT, {"layers/x": tmp_path / "gone"})
    assert not list(tmp_path.iterdir())


def test_its_folder_is_made(tmp_path: Path) -> None:
    out = tmp_path / "build/new/cache.tar.zst"
    archive.write(out, CONTENT, {})
    with archive.reading(out) as (content, _):
        assert content == CONTENT
