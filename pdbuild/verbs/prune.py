"""`pdbuild prune`: removes images of old versions and, when asked, the engines' caches."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from pdbuild.store import StoredImage

_VERSION = "org.opencontainers.image.version"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Remove the production images of old versions from the image store, and what only they "
        "needed; images of `shell --at`; and what bakes left for the next one where what they "
        "made is gone. The versions are those of all projects of yours, by the time of their "
        "commits."
    )
    add = parser.add_argument
    add(
        "--keep",
        type=int,
        default=2,
        metavar="N",
        help="so many versions of each image and variant stay (2)",
    )
    add(
        "--caches",
        action="store_true",
        help="remove the engines' caches and the layers compressed by push too, not while a "
        "build runs: the next one starts anew",
    )
    add("--dry-run", action="store_true", help="print what would go, and remove nothing")


def run(arguments: Namespace) -> int:
    """Prune, and print what went."""
    pruned = prune(arguments.keep, engines=arguments.caches, dry_run=arguments.dry_run)
    print(as_text(pruned))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or with `dry_run` would be: references, folders, and bytes freed."""

    images: tuple[str, ...]
    caches: tuple[Path, ...]
    layouts: tuple[Path, ...]
    freed: int
    dry_run: bool


def prune(keep: int, *, engines: bool, dry_run: bool) -> Pruned:
    """Keep the `keep` newest versions of each image and variant, and remove the others, and
    what bakes left for the next one where neither the image nor the files are there.

    With `engines`, remove the engines' caches as well. Raises UsageError for a negative number,
    and EngineError, before anything is removed, when a build uses a cache.
    """
    from pdbuild import leftovers, uptodate
    from pdbuild.plan.types import DEBUG
    from pdbuild.store import Store

    if keep < 0:
        raise UsageError(f"--keep {keep}: not a number of versions")
    folders, freed = _engines(dry_run=dry_run) if engines else ((), 0)
    if engines and not dry_run:
        uptodate.forget()
    store = Store.own()
    images = store.images()
    old = outdated(images, keep) + tuple(image for image in images if DEBUG in image.labels)
    kept = [image for image in images if image not in old]
    digests = {digest for one in kept for digest in (one.digest, one.manifest_digest)}
    left = leftovers.remove(digests, dry_run=dry_run)
    links = left.links if dry_run else Counter[tuple[int, int]]()
    return Pruned(
        images=tuple(dict.fromkeys(image.reference for image in old)),
        caches=folders,
        layouts=left.paths,
        freed=freed + left.freed + store.collect(old, dry_run=dry_run, links=links),
        dry_run=dry_run,
    )


def as_text(pruned: Pruned) -> str:
    """One line for each thing that went, and what it amounts to."""
    from pdbuild.table import size

    gone = [*pruned.images, *map(str, (*pruned.layouts, *pruned.caches))]
    if not gone and not pruned.freed:
        return "nothing to remove"
    removed, freed = ("would remove", "would free") if pruned.dry_run else ("removed", "freed")
    return "\n".join([*(f"{removed} {what}" for what in gone), f"{freed} {size(pruned.freed)}"])


def outdated(images: Sequence[StoredImage], keep: int) -> tuple[StoredImage, ...]:
    """The production images of all but the `keep` newest versions of each name and variant.

    A development image has no version, and what other tools put into the store is theirs.
    """
    from pdbuild.plan.types import VARIANT

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
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _engines(*, dry_run: bool) -> tuple[tuple[Path, ...], int]:
    """The engines' caches and push's, and the bytes that they take; unless `dry_run` they go."""
    from pdbuild.engine import caches, layers, roots
    from pdbuild.engine.buildah import caches as storages
    from pdbuild.engine.proot import tidy
    from pdbuild.transfer import compressed

    found = (*roots.find(), *storages.find(), *tidy.find(), *compressed.find(), *layers.find())
    freed = caches.size(found) if dry_run else caches.remove(found)
    return tuple(cache.path for cache in found), freed
