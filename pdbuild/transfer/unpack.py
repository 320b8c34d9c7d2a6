"""Writes the files of an image into a folder of the caller's."""

import os
from pathlib import Path

from pdbuild.content import Content


def unpack(files: Content, root: Path, *, writable: bool = False) -> None:
    """Write the files of an image below `root`, which is made, for the caller to read.

    All of it is the caller's; devices and pipes are left out. Nothing can be changed there
    unless `writable`.
    """
    kept, least = (0o755, 0o700) if writable else (0o555, 0o500)
    folders: list[tuple[Path, int]] = []
    root.mkdir()
    for path, (layer, entry) in sorted(files.files.items()):
        target = root / path.lstrip("/")
        if path == "/" or entry.kind == "other":
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "folder":
            target.mkdir(exist_ok=True)
            folders.append((target, entry.mode & kept | least))
        elif entry.kind == "link":
            target.symlink_to(entry.link)
        else:
            target.write_bytes(layer.read(entry))
            target.chmod(entry.mode & kept | least & 0o600)
            os.utime(target, (entry.mtime, entry.mtime))
    for target, mode in reversed(folders):
        target.chmod(mode)


def placed(root: Path, sources: dict[str, Path]) -> None:
    """Make what mounts are mounted on below `root`: a folder or an empty file for each target.

    Several programs may do so at once. Raises OSError where it cannot be made.
    """
    for target, source in sources.items():
        place = root / target.lstrip("/")
        if place.exists() or place.is_symlink():
            continue
        for folder in reversed(place.relative_to(root).parents):
            if not (root / folder).is_dir():
                _made(root / folder, is_folder=True)
        _made(place, is_folder=source.is_dir())


def _made(place: Path, *, is_folder: bool) -> None:
    """In a folder in which nobody may write, its owner included."""
    above = place.parent
    mode = above.stat().st_mode & 0o7777
    above.chmod(mode | 0o200)
    if is_folder:
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    above.chmod(mode)
