"""Trees of files that stages are, on the disk: copied, put together, and made layers of."""

import filecmp
import hashlib
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pdbuild import programs, tarball, whole
from pdbuild.errors import EngineError
from pdbuild.oci import Layout

# Of what is run there, or only looked into.
_KEPT = 0o7777
_END = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A layer: a tar in the folder of blobs."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of a stage, which is in `folder`.

    Its tree is there, too, or in the folder beside it that `shares` names: of a stage that changes
    no file. When nothing starts from it, only the paths that others read are `kept`. `layers` are
    those of an image of it, None when it has steps: then all of it is one layer. `stage` is whose
    stage it was.
    """

    folder: Path
    stage: str = ""
    shares: str = ""
    kept: tuple[str, ...] | None = None
    env: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    layers: tuple[Blob, ...] | None = ()

    @property
    def root(self) -> Path:
        """The tree."""
        return self.folder.with_name(self.shares or self.folder.name) / "root"

    def has(self, paths: tuple[str, ...] | None) -> bool:
        """Whether these paths are there, None being all."""
        return self.kept is None or (paths is not None and set(paths) <= set(self.kept))


def read(folder: Path) -> Made | None:
    """What was made there, when that was finished."""
    try:
        data = json.loads((folder / "made.json").read_bytes())
    except OSError:
        return None
    layers, kept = data.pop("layers"), data.pop("kept", None)
    blobs = None if layers is None else tuple(Blob(**blob) for blob in layers)
    kept = None if kept is None else tuple(kept)
    made = Made(folder=folder, layers=blobs, kept=kept, **data)
    return made if made.root.is_dir() else None


def used(made: Made) -> None:
    """Say that it is used now."""
    os.utime(made.folder / "made.json")


def record(made: Made) -> None:
    """Say that it is finished."""
    data = asdict(made)
    del data["folder"]
    whole.write(made.folder / "made.json", json.dumps(data))


def from_layout(layout: Path, digest: str, root: Path) -> dict[str, str]:
    """Unpack a base below `root`; its environment. Raises EngineError."""
    here = Layout(layout)
    (manifest,) = here.manifests(here.describe(digest))
    root.mkdir(parents=True, exist_ok=True)
    for layer in manifest.layers:
        # Modes as they are, whatever the umask.
        form = ("--no-same-owner", "--same-permissions", "--exclude=./dev/*", f"--directory={root}")
        words = ("tar", *form, "--extract", f"--file={here.blob(layer.digest)}")
        done = programs.run(*words)
        if done.code:
            raise EngineError(f"the base cannot be unpacked: {done.said}")
    return dict(pair.partition("=")[::2] for pair in here.config(manifest).env)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a whole tree, with what files share of their disk where that can be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    done = programs.run(
        "cp", "--archive", "--reflink=auto", "--no-target-directory", source, target
    )
    if done.code:
        raise EngineError(f"a stage cannot be copied: {done.said}")


def pairs(source: Path, target: str) -> Iterator[tuple[Path, str]]:
    """What a COPY of `source` to `target` puts where: files, links and folders, in order."""
    if source.is_dir() and not source.is_symlink():
        yield from _below(source, target.strip("/"))
    else:
        yield source, (f"{target}{source.name}" if target.endswith("/") else target).strip("/")


def changed(found: Iterable[tuple[Path, str]], root: Path) -> list[tuple[Path, str]]:
    """Those that are not below a root already, the same in all, and the folders they are in.

    As containerd compares: the time of a folder is no difference.
    """
    every = list(found)
    new = {name for path, name in every if not _same(path, root / name)}
    new.update(str(parent) for name in list(new) for parent in Path(name).parents)
    return [(path, name) for path, name in every if name in new]


def _same(one: Path, two: Path) -> bool:
    if not os.path.lexists(two):
        return False
    first, second = one.lstat(), two.lstat()
    if first.st_mode != second.st_mode:
        return False
    if stat.S_ISDIR(first.st_mode):
        return True
    if (first.st_size, first.st_mtime_ns) != (second.st_size, second.st_mtime_ns):
        return False
    if stat.S_ISLNK(first.st_mode):
        return one.readlink() == two.readlink()
    filecmp.clear_cache()  # it goes by size and time, which are the same
    return filecmp.cmp(one, two, shallow=False)


def put(found: Iterable[tuple[Path, str]], root: Path) -> None:
    """Put them below a root; folders that are there stay, and get the new modes and times."""
    folders = []
    for source, name in found:
        target = root / name
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            folders.append((source, target))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.is_file():
            target.unlink()
        shutil.copy2(source, target, follow_symlinks=False)
    for source, target in reversed(folders):
        shutil.copystat(source, target)


def layer(found: Iterable[tuple[Path, str]], blobs: Path) -> Blob:
    """A layer of these files, all of them root's, by the same bytes each time."""
    partial = blobs / f".partial-{os.urandom(4).hex()}"
    seen: dict[str, Path] = dict((name, path) for path, name in found)
    for name in list(seen):
        for parent in Path(name).parents:
            seen.setdefault("" if str(parent) == "." else str(parent), Path("/"))
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(seen, key=lambda name: name.split("/")):
                if name:
                    _add(tar, name, seen[name])
        _as_others_do(partial)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        partial.rename(blobs / digest)
    finally:
        partial.unlink(missing_ok=True)
    return Blob(digest=f"sha256:{digest}", size=(blobs / digest).stat().st_size)


def _as_others_do(layer: Path) -> None:
    """The bytes that BuildKit and Buildah write: numbers of devices, and no padding."""
    with tarfile.open(layer) as tar:
        last = max((m.offset_data + -(-m.size // 512) * 512 for m in tar if m.isreg()), default=0)
        last = max(last, *(m.offset_data for m in tar), 0)
    os.truncate(layer, last + _END)
    tarball.make_uniform(layer)


def everything(root: Path) -> Iterator[tuple[Path, str]]:
    """All of a tree."""
    return _below(root, "")


def _below(folder: Path, name: str) -> Iterator[tuple[Path, str]]:
    if name:
        yield folder, name
    for path in sorted(folder.iterdir()):
        below = f"{name}/{path.name}" if name else path.name
        if path.is_dir() and not path.is_symlink():
            yield from _below(path, below)
        else:
            yield path, below


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)
    status = path.lstat()
    member.mode = status.st_mode & _KEPT
    member.mtime = int(status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
        if path == Path("/"):
            member.mode, member.mtime = 0o755, 0
    elif stat.S_ISLNK(status.st_mode):
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
    elif stat.S_ISREG(status.st_mode):
        member.size = status.st_size
        with path.open("rb") as file:
            tar.addfile(member, file)
        return
    else:
        return  # devices and sockets are the kernel's
    tar.addfile(member)
