"""The files of an image, as its layers have them: nothing is unpacked, and nothing is run."""

import functools
import gzip
import hashlib
import mmap
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from pdbuild import dirs
from pdbuild.errors import EngineError
from pdbuild.oci import Descriptor, Layout

_CAPABILITIES = "SCHILY.xattr.security.capability"
_LONGEST_CHAIN = 40  # of symbolic links, as in the kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a layer. `path` is absolute; `kind` is "file", "folder", "link" or "other".

    A file's bytes are `size` bytes at `offset` of its layer's tar. `owner` are the names of the
    user and the group that the archive has, mostly none.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    offset: int = 0
    link: str = ""
    owner: tuple[str, str] = ("", "")
    capable: bool = False
    mtime: float = 0


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer: its tar, as bytes, and its entries in order."""

    digest: str
    tar: mmap.mmap | bytes
    entries: tuple[Entry, ...]

    def read(self, entry: Entry) -> bytes:
        """The bytes of a file."""
        return bytes(self.tar[entry.offset : entry.offset + entry.size])

    def at(self, offset: int) -> Entry | None:
        """The file in whose bytes, or whose header, `offset` lies."""
        behind = (e for e in self.entries if offset < e.offset + e.size)
        return min(behind, key=lambda e: e.offset, default=None)


@functools.lru_cache(maxsize=8192)
def digest(layer: Layer, entry: Entry) -> str:
    """The digest of a file's bytes."""
    with memoryview(layer.tar) as tar:
        return hashlib.sha256(tar[entry.offset : entry.offset + entry.size]).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """The files of an image: those of its layers, each over those below it."""

    layers: tuple[Layer, ...]
    files: Mapping[str, tuple[Layer, Entry]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for _, entry in self.files.values())

    def read(self, path: str) -> bytes:
        """The bytes of the file at `path`, through links; b"" when there is none."""
        layer, entry = self.files.get(self.resolve(path), (None, None))
        return layer.read(entry) if layer and entry and entry.kind == "file" else b""

    def find(self, path: str) -> Entry | None:
        """What is at `path`, through links."""
        return self.files[real][1] if (real := self.resolve(path)) in self.files else None

    def resolve(self, path: str) -> str:
        """`path` without symbolic links; "" when it leads nowhere."""
        waiting = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        at, followed = "/", 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                at = posixpath.dirname(at)
                continue
            there = posixpath.join(at, part)
            if there not in self.files:
                return ""
            entry = self.files[there][1]
            if entry.kind != "link":
                at = there
                continue
            followed += 1
            if followed > _LONGEST_CHAIN:
                return ""
            if entry.link.startswith("/"):
                at = "/"
            waiting += [p for p in reversed(entry.link.split("/")) if p not in ("", ".")]
        return at

    def top(self, path: str) -> bool:
        """Whether the file comes from the topmost layer."""
        return bool(self.layers) and self.files[path][0] is self.layers[-1]


def load(layout: Layout, layers: Iterable[Descriptor]) -> Content:
    """The files of an image with these layers, base first.

    Raises EngineError when a layer is damaged, or compressed in a way that Python cannot read.
    """
    return merged(tuple(_layer(str(layout.blob(d.digest)), d.digest, d.media_type) for d in layers))


def merged(layers: tuple[Layer, ...]) -> Content:
    """The layers as one tree, deleted files left out; no folder of a path is a link."""
    files: dict[str, tuple[Layer, Entry]] = {}
    content = Content(layers, files)
    folders: dict[str, str] = {}
    for layer in layers:
        for entry in layer.entries:
            folder, name = posixpath.split(entry.path)
            if folder not in folders:
                folders[folder] = _real(content, folder)
            path = posixpath.join(folders[folder], name)
            if name == ".wh..wh..opq":
                _remove(files, folders[folder], keep=layer)
            elif name.startswith(".wh."):
                _remove(files, posixpath.join(folders[folder], name.removeprefix(".wh.")))
            else:
                below = files.get(path)
                if below and below[1].kind == "folder" and entry.kind != "folder":
                    _remove(files, path)
                files[path] = (layer, entry if path == entry.path else replace(entry, path=path))
            if entry.kind == "link" or name.startswith(".wh.") or path in folders:
                folders.clear()
    return content


def _real(content: Content, folder: str) -> str:
    """Where a folder is, through links; folders that no layer names count as there."""
    at = "/"
    for part in folder.split("/"):
        there = posixpath.join(at, part)
        known = content.files.get(there)
        at = (content.resolve(there) or there) if known and known[1].kind == "link" else there
    return at


def _remove(files: dict[str, tuple[Layer, Entry]], path: str, *, keep: Layer | None = None) -> None:
    """Take out what is at and below `path`; with `keep`, only what is below and not of it."""
    below = [p for p, (layer, _) in files.items() if p.startswith(f"{path}/") and layer is not keep]
    for one in below if keep else [*below, path]:
        files.pop(one, None)


# The variants of an image share most of their layers.
@functools.lru_cache(maxsize=64)
def _layer(path: str, digest: str, media_type: str) -> Layer:
    try:
        with _uncompressed(Path(path), media_type) as file:
            tar = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            with tarfile.open(fileobj=file, mode="r:") as archive:
                return Layer(digest, tar, tuple(entries(archive)))
    except (OSError, tarfile.TarError, ValueError) as error:
        raise EngineError(f"cannot read the layer {digest}: {error}") from error


def _uncompressed(path: Path, media_type: str) -> IO[bytes]:
    if media_type.endswith("zstd"):
        raise EngineError("a layer is compressed by zstd, which Python cannot read")
    if not media_type.endswith("gzip"):
        return path.open("rb")
    # Where there is room: /tmp may be small, and in memory.
    file = tempfile.TemporaryFile(dir=dirs.cache_dir())  # noqa: SIM115 - the caller closes it
    with gzip.open(path) as packed:
        shutil.copyfileobj(packed, file, 1 << 20)
    file.flush()
    file.seek(0)
    return file


def entries(archive: tarfile.TarFile) -> Iterator[Entry]:
    """What is in a layer's archive."""
    seen: dict[str, Entry] = {}
    for member in archive:
        path = "/" + posixpath.normpath(f"/{member.name}").lstrip("/")
        entry = Entry(
            path=path,
            kind=_kind(member),
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            size=member.size if member.isreg() else 0,
            offset=member.offset_data,
            link=member.linkname if member.issym() else "",
            owner=(member.uname, member.gname),
            capable=_CAPABILITIES in member.pax_headers,
            mtime=member.mtime,
        )
        if member.islnk():
            first = seen.get("/" + posixpath.normpath(f"/{member.linkname}").lstrip("/"))
            if first is None:
                continue
            entry = Entry(
                path=path, kind=first.kind, mode=first.mode, uid=first.uid, gid=first.gid,
                size=first.size, offset=first.offset, link=first.link, owner=first.owner,
                capable=first.capable, mtime=first.mtime,
            )  # fmt: skip
        seen[path] = entry
        yield entry


def _kind(member: tarfile.TarInfo) -> str:
    if member.isreg() or member.islnk():
        return "file"
    if member.isdir():
        return "folder"
    return "link" if member.issym() else "other"
