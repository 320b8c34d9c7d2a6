"""An image as one read-only file system: what clusters keep, mount and start on many nodes.

mksquashfs makes it of the tar of the image's files, as its layers have them, each over those
below it. Owners are kept. The same image gives the same bytes, by the same mksquashfs.
"""

import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pdbuild import content, lacks, programs, whole
from pdbuild.content import Content, Entry, Layer
from pdbuild.errors import EngineError
from pdbuild.store import Store
from pdbuild.transfer import layouts, members


def squashfs(
    store: Store,
    reference: str,
    out: Path,
    *,
    platform: str = "",
    more: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write a stored image to `out`, for `platform` ("": this machine's, or the one it has).

    `more` are programs that it gets besides, root's, by their paths.

    Raises UsageError when it is not there for that, EngineError when mksquashfs is missing or
    fails.
    """
    manifest = layouts.manifest(store, reference, layouts.chosen(store, reference, platform))
    files = content.load(store.layout, manifest.layers)
    size = sum(entry.size for entry in files)
    with (
        lacks.room(out.absolute(), 2 * size),
        whole.replacing(out.absolute()) as new,
        tempfile.TemporaryFile(dir=new.parent) as tar,  # where there is room for it
    ):
        with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _fill(archive, files)
            _fill_more(archive, more)
        tar.seek(0)
        pack(tar.fileno(), max((int(entry.mtime) for entry in files), default=0), new)


def _fill(archive: tarfile.TarFile, files: Content) -> None:
    named = {"/"}
    for path, (layer, entry) in sorted(files.files.items()):
        for folder in reversed(PurePosixPath(path).parents):
            if str(folder) not in named and str(folder) not in files.files:
                _add(archive, layer, _unnamed(str(folder)))
            named.add(str(folder))
        _add(archive, layer, entry)


def _add(archive: tarfile.TarFile, layer: Layer, entry: Entry) -> None:
    if entry.path != "/":
        members.add(archive, entry.path.lstrip("/"), layer, entry, mode=entry.mode, owned=True)


def _fill_more(archive: tarfile.TarFile, more: Mapping[str, bytes]) -> None:
    named = set()
    for path, data in sorted(more.items()):
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            if folder not in named:
                named.add(folder)
                member = tarfile.TarInfo(str(folder).lstrip("/"))
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode = len(data), 0o755
        archive.addfile(member, io.BytesIO(data))


def _unnamed(path: str) -> Entry:
    """A folder of which a layer has files, and no word: root's."""
    return Entry(path=path, kind="folder", mode=0o755, uid=0, gid=0)


def pack(tar: int, newest: int, out: Path) -> None:
    """Make a squashfs of an open tar, whose latest time is `newest`. Raises as `squashfs` does."""
    words = ("mksquashfs", "-", out, "-tar", "-noappend", "-quiet", "-no-progress")
    root = ("-root-mode", "755", "-root-uid", "0", "-root-gid", "0")
    # The root folder has the present time in 4.5, whatever it is told, and so has the file
    # system itself: this is the latest that either may have.
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(newest)}
    try:
        running = programs.start(
            *words, *root, env=env, stdin=tar, stdout=programs.NOTHING, stderr=programs.PIPE
        )
    except programs.NotInstalled:
        raise EngineError(
            "mksquashfs is not installed", hint="apt install squashfs-tools (4.5 or newer)"
        ) from None
    try:
        _, said = running.communicate()
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    if running.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise EngineError(f"mksquashfs: {''.join(last) or running.returncode}")
