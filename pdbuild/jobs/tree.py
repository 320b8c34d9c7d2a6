"""An image as one file for other machines: the tar of its root file system.

Every tar unpacks it, for any account: there are no owners, devices or hard links in it, and no
layers to put together. (What runs an image elsewhere is a user with one id.)
"""

import tarfile
from pathlib import Path

from pdbuild import content, lacks, whole
from pdbuild.content import Content
from pdbuild.store import Store
from pdbuild.transfer import layouts, members


def write(store: Store, reference: str, platform: str, folder: Path) -> Path:
    """The file of a stored image for a platform in `folder`; made if it is not there.

    Raises EngineError when the image is damaged or the disk is full, UsageError when the image
    is not there.
    """
    with store.reading():
        manifest = layouts.manifest(store, reference, platform)
        # The configuration names the layers' content: what it says decides the tree.
        out = folder / f"{manifest.config.digest.removeprefix('sha256:')[:16]}.tar"
        if out.exists():
            return out
        files = content.load(store.layout, manifest.layers)
        folder.mkdir(parents=True, exist_ok=True)
        with lacks.room(out, sum(entry.size for entry in files)), whole.replacing(out) as new:
            _write(files, new)
    return out


def _write(files: Content, out: Path) -> None:
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
        for path, (layer, entry) in sorted(files.files.items()):
            if path == "/":
                continue
            # Its owner reads and enters what is there, as root does; nobody becomes somebody else.
            mode = (entry.mode & 0o777) | (0o700 if entry.kind == "folder" else 0o400)
            members.add(tar, f".{path}", layer, entry, mode=mode, owned=False)
