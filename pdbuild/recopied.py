"""Makes an image again of which only copied files have changed, without an engine.

The last layers of such an image are copies of the build context. While these are the same files
by name, kind and mode, such a layer is the archive from before with other content: its headers,
which are the engine's own, get the new sizes and times. So it is what the engine would make.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pdbuild import whole
from pdbuild.context.content import Listing
from pdbuild.engine import exports
from pdbuild.errors import EngineError
from pdbuild.oci import Layout

if TYPE_CHECKING:
    import tarfile

_BLOCK = 512
_CHUNK = 1 << 20
# Where a header has its numbers, in octal: POSIX, pax, "ustar Interchange Format".
_SIZE = slice(124, 136)
_TIME = slice(136, 148)
_SUM = slice(148, 156)
# Names that a header has no room for stand before it; times and sizes do so in other ways.
_LONG = frozenset({"path", "linkpath"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What one COPY takes: `seen` of the context, which comes to `target`."""

    seen: Listing
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    digest: str
    size: int


class _OtherError(Exception):
    """It is not that case: an engine has to make the image."""


def image(layout: Path, digest: str, copies: Sequence[Copied]) -> str:
    """Make the image `digest` of the layout again, in the layout; its new digest.

    `copies` are those of its last layers. "" where an engine has to make it: files have come,
    gone or changed their kind, and what else is not plain to see. Nothing is changed then.
    """
    here = Layout(layout)
    try:
        data = here.blob(digest).read_bytes()
        manifest = json.loads(data)
        config = here.blob(manifest["config"]["digest"]).read_bytes()
        old = manifest["layers"][-len(copies) :]
        known = json.loads(config)["rootfs"]["diff_ids"]
        for layer, copied in zip(old, copies, strict=True):
            # Compressed layers have another digest, and one that is there twice is not certain.
            if known.count(layer["digest"]) != 1:
                raise _OtherError
            new = _layer(here, layer["digest"], copied)
            config = config.replace(layer["digest"].encode(), new.digest.encode())
            layer |= {"digest": new.digest, "size": new.size}
        manifest["config"] |= {"digest": _put(here, config), "size": len(config)}
        made = _put(here, _like(data, manifest))
        if made != digest:
            _name(layout, digest, made)
    except (_OtherError, EngineError, OSError, ValueError, LookupError, TypeError):
        return ""
    return made


def _layer(here: Layout, digest: str, copied: Copied) -> _Blob:
    """The layer with the files as they are now; the one from before when they are the same."""
    import tarfile

    before = here.blob(digest)
    with (
        before.open("rb") as old,
        tempfile.NamedTemporaryFile(dir=before.parent, prefix=".layer-") as new,
    ):
        try:
            with tarfile.open(fileobj=old, mode="r:") as tar:
                members = tar.getmembers()
        except tarfile.TarError:
            raise _OtherError from None
        changed = [_written(old, new, m, found) for m, found in _pairs(members, copied)]
        if not any(changed):
            return _Blob(digest=digest, size=before.stat().st_size)
        old.seek(_end(members[-1]))
        shutil.copyfileobj(old, new)
        new.flush()
        new.seek(0)
        name = hashlib.file_digest(new, "sha256").hexdigest()
        Path(new.name).chmod(0o644)
        if not here.blob(f"sha256:{name}").exists():
            here.blob(f"sha256:{name}").hardlink_to(new.name)
        return _Blob(digest=f"sha256:{name}", size=os.fstat(new.fileno()).st_size)


def _pairs(
    members: Sequence["tarfile.TarInfo"], copied: Copied
) -> Iterator[tuple["tarfile.TarInfo", Path | None]]:
    """The archive's members, each with what it is a copy of; folders above have nothing."""
    target = copied.target.strip("/")
    left = _expected(copied, target)
    for member in members:
        found = left.pop(member.name, None)
        if found is None and not (member.isdir() and f"{target}/".startswith(f"{member.name}/")):
            raise _OtherError
        yield member, found
    if left.keys() - {target}:
        raise _OtherError


def _expected(copied: Copied, target: str) -> dict[str, Path]:
    """What is in the archive, by name; of a folder at least what is in it."""
    seen = copied.seen
    top, status = seen.entries[0]
    if not stat.S_ISDIR(status.st_mode):
        alone = f"{target}/{Path(top).name}" if copied.target.endswith("/") else target
        return {alone: seen.root / top}
    inside = {name: name.removeprefix(top).strip("/") for name, _ in seen.entries}
    return {
        "/".join(filter(None, (target, part))): seen.root / name for name, part in inside.items()
    }


def _written(
    old: IO[bytes], new: IO[bytes], member: "tarfile.TarInfo", source: Path | None
) -> bool:
    """Write a member as it is now; whether it has other content than before."""
    old.seek(member.offset)
    head = old.read(member.offset_data - member.offset)
    if source is None:
        new.write(head)
        return False
    status = source.lstat()
    if not _LONG.issuperset(member.pax_headers) or os.listxattr(source, follow_symlinks=False):
        raise _OtherError
    if stat.S_ISLNK(status.st_mode) and member.issym():
        if str(source.readlink()) != member.linkname:
            raise _OtherError
        new.write(head)
        return False
    if stat.S_IMODE(status.st_mode) != member.mode:
        raise _OtherError
    if stat.S_ISDIR(status.st_mode) and member.isdir():
        new.write(head)  # BuildKit's times of folders are those at which it took them over
        return False
    if not (stat.S_ISREG(status.st_mode) and member.isreg()):
        raise _OtherError
    new.write(_header(head, status.st_size, status.st_mtime_ns // 10**9))
    with source.open("rb") as file:
        same = _copied(file, new, status.st_size, old if status.st_size == member.size else None)
    new.write(bytes(-status.st_size % _BLOCK))
    return not same


def _copied(file: IO[bytes], new: IO[bytes], size: int, old: IO[bytes] | None) -> bool:
    """Copy `size` bytes; whether they are the same as those that `old` has."""
    same = old is not None
    while size:
        data = file.read(min(size, _CHUNK))
        if not data:
            raise _OtherError  # it changes just now
        same = same and old is not None and old.read(len(data)) == data
        new.write(data)
        size -= len(data)
    return same


def _header(head: bytes, size: int, time: int) -> bytes:
    """A member's blocks with another size and time in the last one, its header."""
    block = bytearray(head[-_BLOCK:])
    block[_SIZE] = b"%011o\0" % size
    block[_TIME] = b"%011o\0" % time
    block[_SUM] = b" " * 8
    block[_SUM] = b"%06o\0 " % sum(block)
    if max(size, time) >= 8**11:
        raise _OtherError
    return head[:-_BLOCK] + bytes(block)


def _end(member: "tarfile.TarInfo") -> int:
    size = member.size if member.isreg() else 0
    return member.offset_data + size + -size % _BLOCK


def _put(here: Layout, data: bytes) -> str:
    """Write a blob; its digest."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if not here.blob(digest).exists():
        whole.write(here.blob(digest), data, 0o644)
    return digest


def _like(data: bytes, value: dict[str, Any]) -> bytes:
    """JSON of a value, laid out as `data` is."""
    styles: tuple[dict[str, Any], ...] = ({"indent": 2}, {"separators": (",", ":")})
    for style in styles:
        if json.dumps(json.loads(data), **style).encode() == data:
            break
    return json.dumps(value, **style).encode()


def _name(layout: Path, old: str, new: str) -> None:
    """Name the new image in the layout's index, in the place of the old one, which goes."""
    index = json.loads((layout / "index.json").read_bytes())
    (entry,) = [entry for entry in index["manifests"] if entry["digest"] == old]
    size = Layout(layout).blob(new).stat().st_size
    index["manifests"].append(entry | {"digest": new, "size": size})
    whole.write(layout / "index.json", json.dumps(index))
    exports.keep_only(layout, new)
