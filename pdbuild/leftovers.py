"""What bakes leave besides images and files: the layouts that targets were exported to.

They are there for the next bake: an engine writes again only what has changed, and what is up to
date is put back from them. That is worth its place while what came from a layout is there, its
image in the store or its files in `build/`. Else it can go: it costs one export.
"""

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pdbuild import artifacts, dirs, locks, whole
from pdbuild.engine import exports, place
from pdbuild.errors import EngineError
from pdbuild.oci import Layout
from pdbuild.plan.types import Target
from pdbuild.project import say

_ROOT = ".root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Layouts that went, or would: how many bytes that frees, and how many links to each file
    (device, inode) are among them.
    """

    paths: tuple[Path, ...]
    freed: int
    links: Counter[tuple[int, int]]


@contextlib.contextmanager
def alone(folder: Path, targets: Sequence[Target]) -> Iterator[None]:
    """Two pdbuilds never export one target of one checkout at once; the second waits.

    The locks are taken in order of name, so nobody waits in a circle.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        for name in sorted(target.name for target in targets):
            waiting = partial(say, f"waiting for another pdbuild that bakes {name}")
            held.enter_context(locks.alone(folder / f"{name}.lock", waiting))
        yield


def note(folder: Path, root: Path) -> None:
    """Note in a checkout's folder of layouts below which folder its files are put."""
    with contextlib.suppress(OSError):
        if not (folder / _ROOT).exists() or (folder / _ROOT).read_text() != str(root):
            whole.write(folder / _ROOT, str(root))


def remove(images: Collection[str], *, dry_run: bool) -> Gone:
    """Remove the layouts from which nothing is there any more; with `dry_run` only find them.

    `images` are the digests of the images, and of their manifests, that the store keeps. Layouts
    that a bake is using stay.
    """
    with contextlib.ExitStack() as held:
        found = tuple(_free(_unused(images), held, dry_run=dry_run))
        files = [path.lstat() for layout in found for path in layout.rglob("*") if _is_file(path)]
        links = Counter((status.st_dev, status.st_ino) for status in files)
        sizes = {(status.st_dev, status.st_ino): status for status in files}
        freed = sum(s.st_size for inode, s in sizes.items() if s.st_nlink == links[inode])
        if not dry_run:
            for layout in found:
                shutil.rmtree(layout, ignore_errors=True)
                layout.with_name(f"{layout.name}.metadata.json").unlink(missing_ok=True)
    return Gone(paths=found, freed=freed, links=links)


def _unused(images: Collection[str]) -> Iterator[Path]:
    for folder in sorted((dirs.data_path() / "exports").glob("*/")):
        made = _made(folder)
        for layout in sorted(folder.glob("*/")):
            if layout.name not in made and not _digests(layout) & set(images):
                yield layout


def _made(folder: Path) -> frozenset[str]:
    """The targets whose files are below the folder that was noted."""
    try:
        root = Path((folder / _ROOT).read_text())
    except OSError:
        return frozenset()
    listed = artifacts.read(root)
    return frozenset(one.target for one in listed if (root / one.path).exists())


def _digests(layout: Path) -> frozenset[str]:
    """Those of a layout's images, and of their manifests."""
    here, found = Layout(layout), set(exports.digests(layout))
    for digest in tuple(found):
        with contextlib.suppress(EngineError):  # damaged
            found |= {manifest.digest for manifest in here.manifests(here.describe(digest))}
    return frozenset(found)


def _free(layouts: Iterable[Path], held: contextlib.ExitStack, *, dry_run: bool) -> Iterator[Path]:
    """Those that no bake is using; none can begin to until the end of `held`."""
    for layout in layouts:
        lock = layout.with_name(f"{layout.name}.lock")
        if dry_run and not lock.exists():
            yield layout
        elif (descriptor := place.take(lock)) is not None:
            held.callback(os.close, descriptor)
            yield layout


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
