"""An image is made again without an engine, where only the content of copied files has changed."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import recopied
from pdbuild.context import content, ignore
from pdbuild.engine import exports
from pdbuild.oci import Layout

LONG = "a-name-that-no-header-has-room-for-" * 4


def put(layout: Path, data: bytes) -> str:
    digest = sha256(data).hexdigest()
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / digest).write_bytes(data)
    return f"sha256:{digest}"


def packed(folder: Path, target: str) -> bytes:
    """A layer as engines make it: times are in seconds."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in (folder, *sorted(folder.rglob("*"))):
            member = tar.gettarinfo(path, str(Path(target, path.relative_to(folder))))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = path.lstat().st_mtime_ns // 10**9
            with path.open("rb") if member.isreg() else io.BytesIO() as file:
                tar.addfile(member, file)
    return out.getvalue()


def made(layout: Path, *layers: bytes) -> str:
    """An image of these layers, named in the layout's index; its digest."""
    digests = [put(layout, layer) for layer in layers]
    config = {"rootfs": {"type": "layers", "diff_ids": digests}, "os": "linux"}
    data = json.dumps(config, separators=(",", ":")).encode()
    manifest = {
        "schemaVersion": 2,
        "config": described(put(layout, data), data),
        "layers": [described(d, layer) for d, layer in zip(digests, layers, strict=True)],
    }
    text = json.dumps(manifest, indent=2).encode()
    digest = put(layout, text)
    index = {"manifests": [described(digest, text)]}
    (layout / "index.json").write_text(json.dumps(index))
    return digest


def described(digest: str, data: bytes) -> dict[str, object]:
    return {"mediaType": "x", "digest": digest, "size": len(data)}


class Book:
    """A folder of files, and the image that holds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "context/book"
        self.layout = folder / "layout"
        (self.folder / "deep/er").mkdir(parents=True)
        for name in ("a.ipynb", "deep/er/b.py", f"deep/{LONG}"):
            (self.folder / name).write_text(name * 300)
        (self.folder / "link").symlink_to("a.ipynb")
        for path in (*self.folder.rglob("*"), self.folder):
            os.utime(path, (2, 2), follow_symlinks=False)
        self.digest = made(self.layout, b"runtime", packed(self.folder, "book"))

    def again(self) -> str:
        seen = content.listing(self.folder.parent, "book", ignore.parse(""))
        copy = recopied.Copied(seen=seen, target="/book")
        return recopied.image(self.layout, self.digest, [copy])


@pytest.fixture(autouse=True)
def ends_as_engines_end_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python fills archives up to 10 KiB."""
    monkeypatch.setattr(tarfile, "RECORDSIZE", tarfile.BLOCKSIZE)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": lambda folder: (folder / "a.ipynb").write_text("more" * 5000),
    "shorter": lambda folder: (folder / "deep/er/b.py").write_text("less"),
    "as long": lambda folder: (folder / "deep/er/b.py").write_text("DEEP/er/b.py" * 300),
    "empty": lambda folder: (folder / "a.ipynb").write_text(""),
    "a long name": lambda folder: (folder / "deep" / LONG).write_text("new"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_what_an_engine_would_make(book: Book, tmp_path: Path, change: str) -> None:
    CHANGES[change](book.folder)
    new = book.again()
    assert new and new != book.digest
    assert new == made(tmp_path / "fresh", b"runtime", packed(book.folder, "book"))
    # It has the old one's place, of which nothing is left.
    assert exports.digests(book.layout) == {new}
    here = Layout(book.layout)
    blobs = {blob.digest for blob in here.reachable(here.describe(new))}
    assert {f"sha256:{b.name}" for b in (book.layout / "blobs/sha256").iterdir()} == blobs


def test_a_file_that_was_only_touched(book: Book) -> None:
    (book.folder / "a.ipynb").touch()
    assert book.again() == book.digest


REFUSED: dict[str, Callable[[Path], object]] = {
    "a new file": lambda folder: (folder / "new").write_text(""),
    "a file that is gone": lambda folder: (folder / "a.ipynb").unlink(),
    "a folder that is gone": lambda folder: (folder / "deep").rename(folder / "away"),
    "another mode": lambda folder: (folder / "a.ipynb").chmod(0o755),
    "another mode of a folder": lambda folder: (folder / "deep").chmod(0o700),
    "another link": lambda folder: (
        (folder / "link").unlink(),
        (folder / "link").symlink_to("deep"),
    ),
    "a link that was a file": lambda folder: (
        (folder / "a.ipynb").unlink(),
        (folder / "a.ipynb").symlink_to("link"),
    ),
    "a time that has no room": lambda folder: os.utime(folder / "a.ipynb", (8**11, 8**11)),
}


@pytest.mark.parametrize("change", REFUSED)
def test_an_engine_has_to_make_the_rest(book: Book, change: str) -> None:
    (book.folder / "deep/er/b.py").write_text("changed")
    REFUSED[change](book.folder)
    assert book.again() == ""
    assert exports.digests(book.layout) == {book.digest}


def test_layers_that_are_not_plain(book: Book, tmp_path: Path) -> None:
    import gzip

    (book.folder / "a.ipynb").write_text("changed")
    plain = packed(book.folder, "book")
    for layers in ([plain, plain], [gzip.compress(plain)], [b"no archive"], []):
        book.layout = tmp_path / f"layout-{len(layers)}-{len(b''.join(layers))}"
        book.digest = made(book.layout, *layers)
        (book.folder / "a.ipynb").write_text("changed again")
        assert book.again() == ""


def test_two_copies_of_which_one_has_changed(book: Book, tmp_path: Path) -> None:
    other = book.folder.with_name("page")
    other.mkdir()
    (other / "index.html").write_text("page")
    layers = (packed(book.folder, "book"), packed(other, "srv"))
    digest = made(book.layout, *layers)
    (other / "index.html").write_text("a new page")
    none = ignore.parse("")
    copies = [
        recopied.Copied(seen=content.listing(other.parent, name, none), target=target)
        for name, target in (("book", "/book"), ("page", "/srv/"))
    ]
    new = recopied.image(book.layout, digest, copies)
    assert new == made(tmp_path / "fresh", layers[0], packed(other, "srv"))


@pytest.mark.parametrize("target", ["/srv/page.html", "/srv/"])
def test_a_file_alone(book: Book, tmp_path: Path, target: str) -> None:
    source = book.folder.parent / "page.html"
    alone = book.folder.with_name("alone")
    alone.mkdir()
    for text in ("page", "a new page"):
        source.write_text(text)
        os.utime(source, (3, 3))
        (alone / "page.html").write_text(text)
        os.utime(alone / "page.html", (3, 3))
        layer = packed(alone, "srv")
        if text == "page":
            digest = made(book.layout, layer)
    seen = content.listing(source.parent, "page.html", ignore.parse(""))
    new = recopied.image(book.layout, digest, [recopied.Copied(seen=seen, target=target)])
    assert new == made(tmp_path / "fresh", layer)
