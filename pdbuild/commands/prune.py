"""`pdbuild prune`: removes images of old versions and, when asked, the engines' caches."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pdbuild import dirs
from pdbuild.commands.report import size
from pdbuild.errors import UsageError
from pdbuild.plan.types import VARIANT
from pdbuild.store import Store, StoredImage

_VERSION = "org.opencontainers.image.version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or with `dry_run` would be: references, folders, and bytes freed."""

    images: tuple[str, ...]
    caches: tuple[Path, ...]
    freed: int
    dry_run: bool


def prune(keep: int, *, engines: bool, dry_run: bool) -> Pruned:
    """Keep the `keep` newest versions of each image and variant, and remove the others.

    With `engines`, remove the engines' caches as well. Raises UsageError for a negative number,
    and EngineError, before anything is removed, when a build uses a cache.
    """
    if keep < 0:
        raise UsageError(f"--keep {keep}: not a number of versions")
    folders, freed = _engines(dry_run=dry_run) if engines else ((), 0)
    store = Store(dirs.data_path() / "images")
    old = outdated(store.images(), keep)
    return Pruned(
        images=tuple(dict.fromkeys(image.reference for image in old)),
        caches=folders,
        freed=freed + store.collect(old, dry_run=dry_run),
        dry_run=dry_run,
    )


def as_text(pruned: Pruned) -> str:
    """One line for each thing that went, and what it amounts to."""
    gone = [*pruned.images, *map(str, pruned.caches)]
    if not gone and not pruned.freed:
        return "nothing to remove"
    removed, freed = ("would remove", "would free") if pruned.dry_run else ("removed", "freed")
    return "\n".join([*(f"{removed} {what}" for what in gone), f"{freed} {size(pruned.freed)}"])


def outdated(images: Sequence[StoredImage], keep: int) -> tuple[StoredImage, ...]:
    """The production images of all but the `keep` newest versions of each name and variant.

    A development image has no version, and what other tools put into the store is theirs.
    """
    versions: dict[tuple[str, str], dict[str, list[StoredImage]]] = defaultdict(dict)
    for image in images:
        if VARIANT in image.labels:
            name = image.reference.rpartition(":")[0]
            group = versions[name, image.labels[VARIANT]]
            # One reference can have several images, of one platform each.
            group.setdefault(image.reference, []).append(image)
    return tuple(
        image
        for group in versions.values()
        for of_version in sorted(group.values(), key=_age, reverse=True)[keep:]
        for image in of_version
    )


def _age(of_version: Sequence[StoredImage]) -> tuple[datetime, list[str | int]]:
    # The time is the commit's, or outside git always the same. Then versions tell: of a changed
    # source it is the commit's with `-dirty` after it, and 1.10 comes after 1.9.
    return max((_time(i.created), _counted(i.labels.get(_VERSION, ""))) for i in of_version)


def _counted(version: str) -> list[str | int]:
    parts = re.split("([0-9]+)", version)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]


def _time(created: str) -> datetime:
    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _engines(*, dry_run: bool) -> tuple[tuple[Path, ...], int]:
    """The engines' caches, and the bytes that they take; they are removed unless `dry_run`."""
    from pdbuild.engine import caches, roots
    from pdbuild.engine.buildah import caches as storages

    found = (*roots.find(), *storages.find())
    freed = caches.size(found) if dry_run else caches.remove(found)
    return tuple(cache.path for cache in found), freed
