"""Images as files: written the same whenever they are written again, and read back.

An archive of OCI is a tar of an OCI layout, with all platforms; docker's, which has one, skopeo
writes and reads.
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from pdbuild import dirs, lacks, oci, programs, registries, whole
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import CONTAINERD_REFERENCE, REFERENCE, Descriptor, Layout
from pdbuild.store import Store
from pdbuild.transfer import bundle, filesystem, layouts, sif
from pdbuild.transfer.skopeo import platform_words

_WANTED = re.compile(r"(?:\./)?(oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})")
_OF_ONE = ("docker", "squashfs", "sif", "bundle")
_NAMES = (CONTAINERD_REFERENCE, REFERENCE)
_REFERENCE = re.compile(r"[a-z0-9.:_/-]+/[a-z0-9._/-]+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def save(
    store: Store, references: Sequence[str], form: str, out: Path, *, platform: str = ""
) -> None:
    """Write stored images to `out`, which must not be there: a file, or for "dir" and
    "bundle" a folder.

    Raises UsageError for what cannot be written so, EngineError when the disk is full.
    """
    if out.exists():
        raise UsageError(f"{out} is there already", hint="remove it, or write to another name")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {out.absolute().parent}")
    tops = {entry.reference: entry for entry in map(store.entry, references)}
    with store.reading():
        wanted = {b.digest: b for top in tops.values() for b in store.layout.reachable(top)}
        with lacks.room(out.absolute(), sum(blob.size for blob in wanted.values())):
            if form in _OF_ONE and len(tops) > 1:
                raise UsageError(f"--format={form} has one image", hint="--format=oci has several")
            if form == "docker":
                _docker(store, tops, out, platform)
            elif form == "squashfs":
                filesystem.squashfs(store, next(iter(tops)), out, platform=platform)
            elif form == "sif":
                sif.sif(store, next(iter(tops)), out, platform=platform)
            elif form == "bundle":
                bundle.bundle(store, next(iter(tops)), out, Path.cwd(), platform=platform)
            elif platform:
                raise UsageError(f"--platform {platform}: --format={form} has all platforms")
            elif form == "dir":
                _folder(store, tops, wanted.values(), out)
            else:
                with whole.replacing(out.absolute()) as new:
                    _archive(store, tops, wanted.values(), new)


def load(store: Store, path: Path) -> tuple[str, ...]:
    """Take the images of an archive or a layout into the store; their references.

    Every blob is compared with its digest first. Raises UsageError when `path` is neither,
    EngineError when it is damaged.
    """
    data = dirs.data_dir()
    if path.is_dir():
        with tempfile.TemporaryDirectory(dir=data, prefix="loading-") as folder:
            with lacks.room(data, sum(f.stat().st_size for f in path.glob("blobs/sha256/*"))):
                _copied(path, Path(folder))
            return _adopted(store, Path(folder))
    try:
        with tempfile.TemporaryDirectory(dir=data, prefix="loading-") as folder:
            with tarfile.open(path) as tar, lacks.room(data, path.stat().st_size):
                _unpack(tar, Path(folder))
            if (Path(folder) / "index.json").exists():
                return _adopted(store, Path(folder))
        with tarfile.open(path) as tar:
            listed = tar.extractfile("manifest.json")
            images = json.load(listed) if listed else []
        tags = [str(tag) for image in images for tag in image.get("RepoTags") or ()]
    except (tarfile.TarError, ValueError, KeyError, AttributeError, EOFError) as error:
        raise UsageError(f"{path} is no archive of images: {error}") from error
    except FileNotFoundError:
        raise UsageError(f"there is no {path}") from None
    if not tags:
        raise UsageError(f"{path} names no image")
    return tuple(_from_docker(store, path, tag) for tag in tags)


def _archive(
    store: Store, tops: dict[str, Descriptor], blobs: Iterable[Descriptor], out: Path
) -> None:
    # An entry has neither a time nor an owner, and they come in one order.
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:
        index = oci.index_text(layouts.entries(tops, *_NAMES))
        for name, text in (("oci-layout", oci.MARK), ("index.json", index)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        for blob in sorted(blobs, key=lambda blob: blob.digest):
            entry = tarfile.TarInfo(f"blobs/sha256/{blob.digest.removeprefix('sha256:')}")
            entry.size = blob.size
            with store.layout.blob(blob.digest).open("rb") as file:
                tar.addfile(entry, file)


def _folder(
    store: Store, tops: dict[str, Descriptor], blobs: Iterable[Descriptor], out: Path
) -> None:
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as new:
        made = Path(new, "layout")
        (made / "blobs" / "sha256").mkdir(parents=True)
        for blob in blobs:
            # Copied: who changes it must not change the store's.
            here = store.layout.blob(blob.digest)
            shutil.copyfile(here, made / "blobs" / "sha256" / here.name)
        oci.write_index(made, layouts.entries(tops, *_NAMES))
        made.rename(out)


def _docker(store: Store, tops: dict[str, Descriptor], out: Path, platform: str) -> None:
    ((reference, top),) = tops.items()
    platform = layouts.chosen(store, reference, platform)
    with layouts.view(store.path, top) as source, whole.replacing(out.absolute()) as new:
        programs.ran(
            *("skopeo", *platform_words(platform), "copy", "--quiet", f"oci:{source}:image"),
            f"docker-archive:{new}:{reference}",
            failing=f"cannot write {out}",
        )


def _copied(path: Path, folder: Path) -> None:
    """A layout of its own: the store links what it takes, and this one is somebody's."""
    if not (path / "index.json").is_file():
        raise UsageError(f"{path} is no OCI layout: it has no index.json")
    (folder / "blobs" / "sha256").mkdir(parents=True)
    for file in (path / "index.json", *path.glob("blobs/sha256/*")):
        shutil.copyfile(file, folder / file.relative_to(path))


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """The files of an OCI layout that an archive has, and nothing else of it."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    for member in tar:
        name = _WANTED.fullmatch(member.name)
        content = tar.extractfile(member) if name and member.isreg() else None
        if name and content:
            with (folder / name[1]).open("wb") as file:
                shutil.copyfileobj(content, file)


def _adopted(store: Store, folder: Path) -> tuple[str, ...]:
    layout = Layout(folder)
    named = {entry.reference: entry for entry in layout.index() if entry.reference}
    if not named:
        raise UsageError(f"{folder} names no image")
    for reference in named:
        if not _REFERENCE.fullmatch(reference):
            raise UsageError(f"{reference!r} is not a full reference of an image")
    for blob in {b.digest: b for top in named.values() for b in layout.reachable(top)}.values():
        _check(layout.blob(blob.digest), blob)
    for reference, entry in named.items():
        store.adopt(folder, entry.digest, reference)
    return tuple(sorted(named))


def _check(path: Path, blob: Descriptor) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise EngineError(f"{blob.digest} is missing: not a complete archive") from None
    if f"sha256:{found}" != blob.digest:
        raise EngineError(f"{blob.digest} is damaged: its bytes have another digest")


def _from_docker(store: Store, path: Path, tag: str) -> str:
    full = registries.qualified(tag)
    with tempfile.TemporaryDirectory(dir=dirs.data_dir(), prefix="loading-") as folder:
        programs.ran(
            # Compressed: of such a layer as it is, skopeo says that it is compressed.
            *("skopeo", "copy", "--quiet"),
            *(f"docker-archive:{path}:{tag}", f"oci:{folder}:image"),
            failing=f"cannot load {tag} from {path}",
        )
        (top,) = Layout(Path(folder)).index()
        store.adopt(Path(folder), top.digest, full)
    return full
