"""Puts what is in an image into one tar, for those who know no layers."""

import io
import tarfile

from pdbuild.content import Entry, Layer

_TYPES = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}


def add(
    archive: tarfile.TarFile, name: str, layer: Layer, entry: Entry, *, mode: int, owned: bool
) -> None:
    """Add a file, a folder or a link under a name, `owned` by whom it belongs to, or by nobody.

    Devices and pipes are left out: who makes a file system of it brings them.
    """
    if entry.kind not in _TYPES:
        return
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = _TYPES[entry.kind], mode, entry.link
    member.mtime = int(entry.mtime)
    if owned:
        member.uid, member.gid = entry.uid, entry.gid
    member.size = entry.size if entry.kind == "file" else 0
    archive.addfile(member, io.BytesIO(layer.read(entry)) if member.size else None)
