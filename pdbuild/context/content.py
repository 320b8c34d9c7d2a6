"""Parts of a build context: what they contain, as a digest, how they look, and copies of them.

Buildah before 1.39 does not look at the content of bind mounts, and no version applies
`.dockerignore` to them.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from pdbuild.context.ignore import Ignored

# The coarsest clocks of disks (FAT's) count two seconds.
TICK = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The entries of a part of a context. `filtered` says that something was left out."""

    root: Path
    entries: tuple[tuple[str, os.stat_result], ...]  # relative to `root`, parents first
    filtered: bool


def listing(root: Path, part: str, ignored: Ignored) -> Listing:
    """What a build sees of `part` ("" and "." are all) of the context `root`; empty when it is
    missing.
    """
    inside = "" if part.strip("/") == "." else part.strip("/")
    start = root / inside
    try:
        status = start.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Listing(root=root, entries=(), filtered=False)
    entries: list[tuple[str, os.stat_result]] = [(inside, status)]
    filtered = _walk(start, inside, ignored, entries) if stat.S_ISDIR(status.st_mode) else False
    return Listing(root=root, entries=tuple(entries), filtered=filtered)


def followed(root: str, path: str) -> str:
    """A part of a folder as it is called where it really is, if that is in the folder, too."""
    top, real = os.path.realpath(root), os.path.realpath(os.path.join(root, path.strip("/")))  # noqa: PTH118
    return real.removeprefix(f"{top}/") if real.startswith(f"{top}/") else path


def digest(seen: Listing) -> str:
    """What the listing's files contain, their names and modes. Times and owners do not count."""
    total = hashlib.sha256()
    for name, status in seen.entries:
        total.update(f"{name}\0{status.st_mode:o}\0".encode(errors="surrogateescape"))
        total.update(_content(seen.root / name, status.st_mode))
        total.update(b"\0")
    return total.hexdigest()


def look(seen: Listing, since: int, *, ctime: bool = True) -> str:
    """A digest of names, modes, sizes and times, which tells later whether a file has changed.

    A file can change twice within one tick of its disk's clock, and look the same. So of what
    changed after `since` (nanoseconds), or shortly before, the content counts as well: let
    `since` be a moment before the listing was made. Without `ctime`, a file that got another link,
    owner or the like looks the same.
    """
    total = hashlib.sha256()
    for name, status in seen.entries:
        changed = status.st_ctime_ns if ctime else 0
        line = f"{name}\0{status.st_mode:o}"
        if not stat.S_ISDIR(status.st_mode):  # its times are those of what it holds
            line += f" {status.st_size} {status.st_mtime_ns} {changed}"
            if max(status.st_mtime_ns, changed) >= since - TICK:
                total.update(_content(seen.root / name, status.st_mode))
        total.update(f"{line}\0".encode(errors="surrogateescape"))
    return total.hexdigest()


def copy(seen: Listing, folder: Path, *, links: bool = True) -> None:
    """Make the listing's entries below `folder`, files as hard links where that is possible.

    Without `links`, each file is one of our own. Times to the nanosecond and modes stay:
    incremental builds compare them.
    """
    for name, status in seen.entries:
        source, target = seen.root / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(status.st_mode):
            target.mkdir(exist_ok=True)
        elif stat.S_ISLNK(status.st_mode):
            with contextlib.suppress(FileExistsError):
                target.symlink_to(source.readlink())
        elif stat.S_ISREG(status.st_mode):
            if links:
                _link(source, target)
            elif not target.exists():  # parts may overlap, and a file be read-only
                shutil.copy2(source, target)
    for name, status in reversed(seen.entries):  # parents last: their times change with children
        if stat.S_ISDIR(status.st_mode):
            shutil.copystat(seen.root / name, folder / name)


def _walk(
    folder: Path, inside: str, ignored: Ignored, entries: list[tuple[str, os.stat_result]]
) -> bool:
    filtered = False
    with os.scandir(folder) as found:
        children = sorted(found, key=lambda entry: entry.name)
    for entry in children:
        name = f"{inside}/{entry.name}" if inside else entry.name
        left_out = ignored(name)
        filtered |= left_out
        if left_out and not (entry.is_dir(follow_symlinks=False) and ignored.may_return):
            continue
        before = len(entries)
        with contextlib.suppress(FileNotFoundError):
            entries.append((name, entry.stat(follow_symlinks=False)))
            if entry.is_dir(follow_symlinks=False):
                filtered |= _walk(Path(entry.path), name, ignored, entries)
        if left_out and len(entries) == before + 1:  # nothing below it came back
            del entries[before:]
    return filtered


def _content(path: Path, mode: int) -> bytes:
    with contextlib.suppress(FileNotFoundError):  # it went meanwhile: the build will see
        if stat.S_ISLNK(mode):
            return os.fsencode(path.readlink())
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
    return b""


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return
    except OSError:  # another disk, or not ours
        shutil.copy2(source, target)
