"""Sends images of the store to a registry: the tags last, and all together or none.

First go the blobs and the manifests, by digest, which nobody sees; then the tags, each one small
request. When one is refused, those before it are set back to what they were (see `tags`).
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pdbuild import lacks, locks, programs, registries
from pdbuild.choices import Access
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Descriptor, Layout
from pdbuild.store import Store
from pdbuild.table import lines
from pdbuild.transfer import compressed, layouts
from pdbuild.transfer.access import Opened, opened
from pdbuild.transfer.meter import Meter, Watch, metered
from pdbuild.transfer.skopeo import Skopeo
from pdbuild.transfer.tags import Tags

# Of images at once; skopeo sends six blobs of each at once.
_AT_ONCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One image in a registry: `there` is its reference, `changed` whether its
    tag is new or moved.
    """

    reference: str
    there: str
    digest: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    reference: str
    tag: str
    top: Descriptor


def push(
    store: Store,
    references: Sequence[str],
    to: str,
    access: Access,
    *,
    stream: TextIO | None = None,
    say: Callable[[str], object] = lambda line: None,
    skopeo: Skopeo | None = None,
    watch: Watch | None = None,
) -> tuple[Pushed, ...]:
    """Push stored images to the repository `to`, HOST[:PORT]/PATH, with the tags that they have.

    An image of several platforms goes as one. Layers are compressed first, and the compressed
    ones kept for the next push. Raises UsageError, before any work, for what cannot be pushed
    there; EngineError when the registry fails or refuses: no tag has changed then, or the message
    names it.
    """
    host = checked(to)
    items = _items(store, references, to)
    stage = _stage(items[0].reference)
    skopeo = skopeo or Skopeo(host=host)
    with opened(host, access) as way, locks.alone(stage / "lock"), store.reading():
        packed = [_packed(store, item, stage, say) for item in items]
        blobs = {b.digest: b.size for i in packed for b in Layout(stage).reachable(i.top)}
        with metered(stream, f"to {host}", sum(blobs.values()), watch) as meter:
            _send(skopeo, packed, stage, to, way, meter)
            tags = Tags(skopeo=skopeo, to=to, way=way, stage=stage, say=say)
            changed = tags.move({item.tag: item.top for item in packed})
            layouts.keep_only(stage, {_name(item.top): top for item, top in _both(items, packed)})
            return tuple(
                Pushed(
                    reference=item.reference,
                    there=f"{to}:{item.tag}",
                    digest=item.top.digest,
                    changed=item.tag in changed,
                )
                for item in packed
            )


def as_table(pushed: tuple[Pushed, ...]) -> str:
    """What is in the registry now, and whether its tag is new."""
    rows = [("IMAGE", "DIGEST", "TAG")]
    for one in pushed:
        short = one.digest.removeprefix("sha256:")[:12]
        rows.append((one.there, short, "moved" if one.changed else "as it was"))
    return lines(rows)


def checked(to: str) -> str:
    """The host of a repository that images can be pushed to. Raises UsageError for others."""
    if problem := registries.repository_problem(to):
        raise UsageError(f"{to}: {problem}", hint="such as --to registry.example.org/team/squares")
    return registries.registry(to)


def _items(store: Store, references: Sequence[str], to: str) -> tuple[_Item, ...]:
    found = {entry.reference: entry for entry in map(store.entry, references)}
    names = sorted({reference.rpartition(":")[0] for reference in found})
    if len(names) > 1:
        raise UsageError(f"{to} is one repository, these are several: {', '.join(names)}")
    return tuple(
        _Item(reference=reference, tag=reference.rpartition(":")[2], top=entry)
        for reference, entry in sorted(found.items())
    )


def _stage(reference: str) -> Path:
    """Where the compressed layers of images of this name are."""
    name = reference.rpartition(":")[0]
    stage = compressed.folder() / hashlib.sha256(name.encode()).hexdigest()[:12]
    (stage / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    return stage


def _packed(store: Store, item: _Item, stage: Path, say: Callable[[str], object]) -> _Item:
    """The same image with compressed layers, in the layout `stage`."""
    name = _name(item.top)
    if layouts.named(stage, name) is None:
        say(f"compressing {item.reference}")
        wanted = sum(blob.size for blob in store.layout.reachable(item.top))
        with layouts.view(store.path, item.top) as source, lacks.room(stage, wanted):
            copy = ("copy", "--all", "--quiet", f"oci:{source}:image", f"oci:{stage}:{name}")
            programs.ran("skopeo", *copy, failing=f"cannot compress {item.reference}")
    top = layouts.named(stage, name)
    if top is None:
        raise EngineError(f"{stage} is damaged", hint=f"remove it: rm -r {stage}")
    return _Item(reference=item.reference, tag=item.tag, top=top)


def _name(top: Descriptor) -> str:
    return top.digest.removeprefix("sha256:")


def _both(items: Sequence[_Item], packed: Sequence[_Item]) -> Sequence[tuple[_Item, Descriptor]]:
    return [(item, same.top) for item, same in zip(items, packed, strict=True)]


def _send(
    skopeo: Skopeo, items: Sequence[_Item], stage: Path, to: str, way: Opened, meter: Meter
) -> None:
    """Send blobs and manifests, which no tag names yet."""

    def send(item: _Item) -> None:
        with layouts.view(stage, item.top) as source:
            skopeo.copy(
                # skopeo would try docker's formats next, and give that as the reason.
                *("copy", "--all", "--quiet", "--preserve-digests", "--format=oci"),
                *way.words("dest"),
                *(f"oci:{source}:image", f"docker://{to}@{item.top.digest}"),
                failing=f"cannot push {item.reference} to {to}",
                moved=meter.of(item.tag),
            )

    # Alone, so that the layers that the others share with it go once.
    send(items[0])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            waiting = [pool.submit(send, item) for item in items[1:]]
            for sent in waiting:
                sent.result()
        except BaseException:
            skopeo.ended.set()
            raise
