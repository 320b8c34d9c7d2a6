"""An image as one file for other machines: its files, as a tar or as a file system to be mounted.

Every tar unpacks the first, for any account: there are no owners, devices or hard links in it, and
no layers to put together. (What runs an image elsewhere is a user with one id.) The other has the
same, and is made of it; nothing can be added there, so it has what mounts are mounted on.
"""

import tarfile
import tempfile
from pathlib import Path

from pdbuild import content, lacks, whole
from pdbuild.content import Content
from pdbuild.recipe.tables.submit import FORMATS
from pdbuild.store import Store
from pdbuild.transfer import filesystem, layouts, members

_FOLDERS = ("proc", "sys", "dev", "tmp", "run", "etc")
_FILES = ("etc/resolv.conf", "etc/hosts")


def write(
    store: Store, reference: str, platform: str, folder: Path, *, form: str, workdir: str
) -> Path:
    """The file of a stored image for a platform in `folder`; made if it is not there.

    Raises EngineError when the image is damaged, the disk is full or mksquashfs is missing,
    UsageError when the image is not there.
    """
    with store.reading():
        manifest = layouts.manifest(store, reference, platform)
        # The configuration names the layers' content: what it says decides the tree.
        out = folder / f"{manifest.config.digest.removeprefix('sha256:')[:16]}.{FORMATS[form]}"
        if out.exists():
            return out
        files = content.load(store.layout, manifest.layers)
        folder.mkdir(parents=True, exist_ok=True)
        with lacks.room(out, sum(entry.size for entry in files)), whole.replacing(out) as new:
            if form == "tar":
                _write(files, new)
            else:
                _pack(files, workdir, new)
    return out


def _write(files: Content, out: Path, workdir: str = "") -> None:
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
        for path, (layer, entry) in sorted(files.files.items()):
            if path == "/":
                continue
            # Its owner reads and enters what is there, as root does; nobody becomes somebody else.
            mode = (entry.mode & 0o777) | (0o700 if entry.kind == "folder" else 0o400)
            members.add(tar, f".{path}", layer, entry, mode=mode, owned=False)
        if workdir:
            _add_places(tar, files, workdir)


def _pack(files: Content, workdir: str, out: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".image-") as tar:
        _write(files, Path(tar.name), workdir)
        newest = max((int(entry.mtime) for entry in files), default=0)
        filesystem.pack(tar.fileno(), newest, out)


def _add_places(tar: tarfile.TarFile, files: Content, workdir: str) -> None:
    above = [str(p) for p in reversed(Path(workdir.lstrip("/")).parents) if str(p) != "."]
    for name in (*_FOLDERS, *above, workdir.strip("/")):
        if name and f"/{name}" not in files.files:
            member = tarfile.TarInfo(f"./{name}")
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
    for name in _FILES:
        if f"/{name}" not in files.files:
            tar.addfile(tarfile.TarInfo(f"./{name}"))
