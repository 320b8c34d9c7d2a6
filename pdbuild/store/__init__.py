"""The image store: one OCI image layout that holds what pdbuild built.

Readable by other tools while pdbuild writes to it (`skopeo copy oci:DIR:REFERENCE …`): blobs
come first and `index.json` is replaced in one step, so a reader sees the old or the new.
"""

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pdbuild import dirs, lacks
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import INDEX, Config, Descriptor, Layout, Manifest, parse_descriptor, write_index
from pdbuild.store.entries import entry_of, named, platform_of, reference_of
from pdbuild.store.files import put, take
from pdbuild.store.sizes import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """One image for one platform.

    `digest` is what the reference points at (an index for several platforms), `manifest_digest`
    this platform's manifest. `size` is bytes as stored, `unpacked` bytes of the layers' tars,
    None when a layer's compression cannot be read (zstd).
    """

    reference: str
    digest: str
    manifest_digest: str
    config_digest: str
    platform: str
    created: str
    labels: Mapping[str, str]
    size: int
    unpacked: int | None


@dataclass(frozen=True, slots=True)
class Store:
    """The store in directory `path`, which is made when something is first adopted."""

    path: Path

    @classmethod
    def own(cls) -> "Store":
        """This user's."""
        return cls(dirs.data_path() / "images")

    @property
    def layout(self) -> Layout:
        """The store as an OCI layout."""
        return Layout(self.path)

    def adopt(self, layout: Path, digest: str, reference: str) -> bool:
        """Take the image `digest` of another layout in, under `reference`; False if it was there.

        Blobs are hard-linked, or copied where that cannot be; those that the store has lost since
        are taken again. An image that had the reference loses it; `collect` frees its blobs.
        Images of other platforms keep it: the reference is an index then. Raises EngineError when
        the layout lacks a blob or has one of the wrong size.
        """
        if self._holds(reference, digest):
            return False
        source = Layout(layout)
        described = {entry.digest: entry for entry in source.index()}
        top = described.get(digest) or source.describe(digest)
        blobs = tuple(source.reachable(top))
        with self.reading(), lacks.room(self.layout.path, sum(blob.size for blob in blobs)):
            for blob in blobs:
                take(source.blob(blob.digest), self.layout.blob(blob.digest), blob.size)
            with self._locked("index.lock"):
                entry = self._with_others(entry_of(top, reference), reference)
                others = [e for e in self._entries() if reference_of(e) != reference]
                self._write([*others, entry])
        return True

    def platforms(self, reference: str) -> tuple[str, ...]:
        """The platforms for which there is an image of a reference. UsageError if not there."""
        manifests = self.layout.manifests(self.entry(reference))
        return tuple(self.layout.config(manifest).platform for manifest in manifests)

    def _holds(self, reference: str, digest: str) -> bool:
        """Whether a reference is an image, or has it for one of its platforms."""
        for entry in self._index():
            if entry.reference != reference:
                continue
            if entry.digest == digest:
                return self._has(digest)
            with contextlib.suppress(EngineError):
                manifests = self.layout.manifests(entry)
                if digest in [manifest.digest for manifest in manifests]:
                    return self._has(entry.digest)
        return False

    def _with_others(self, entry: dict[str, Any], reference: str) -> dict[str, Any]:
        """The entry of a new image, or that of an index of it and those of other platforms."""
        here = self.layout
        new = here.manifests(parse_descriptor(entry))
        mine = {here.config(manifest).platform for manifest in new}
        kept = []
        for other in (e for e in self._index() if e.reference == reference):
            with contextlib.suppress(EngineError):  # a damaged one is of no use
                found = here.manifests(other)
                if self._has(other.digest):
                    kept += [m for m in found if here.config(m).platform not in mine]
        if not kept:
            return entry
        described = sorted(map(self._described, (*new, *kept)), key=str)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": described}
        data = json.dumps(index).encode()
        digest = hashlib.sha256(data).hexdigest()
        put(here.blob(f"sha256:{digest}"), data)
        top = Descriptor(media_type=INDEX, digest=f"sha256:{digest}", size=len(data))
        return entry_of(top, reference)

    def _described(self, manifest: Manifest) -> dict[str, Any]:
        """How an index names the image of one platform."""
        top = self.layout.describe(manifest.digest)
        return {
            "platform": platform_of(self.layout.config(manifest).platform),
            "mediaType": top.media_type,
            "digest": top.digest,
            "size": top.size,
        }

    def images(self) -> tuple[StoredImage, ...]:
        """Every image, by reference and platform.

        The first call after a gzip layer came in reads that layer through, to learn its size.
        """
        found = self._images(entry for entry in self._index() if entry.reference)
        return tuple(sorted(found, key=lambda image: (image.reference, image.platform)))

    def find(self, reference: str, platform: str = "") -> StoredImage | None:
        """The image of that reference (`localhost/` may be left out), and platform if given."""
        entry = self._find(reference)
        found = self._images([entry] if entry else [])
        return next((image for image in found if platform in ("", image.platform)), None)

    def entry(self, reference: str) -> Descriptor:
        """The index entry of a reference, with the full reference. UsageError if not there."""
        if found := self._find(reference):
            return found
        raise UsageError(f"no image {reference} in the store", hint="see: pdbuild images")

    def config(self, reference: str, platform: str = "") -> Config:
        """The configuration of an image: of `platform`, or the first. UsageError if not there."""
        for manifest in self.layout.manifests(self.entry(reference)):
            config = self.layout.config(manifest)
            if platform in ("", config.platform):
                return config
        raise UsageError(f"image {reference} is not there for {platform}")

    def collect(
        self,
        forget: Collection[StoredImage] = (),
        *,
        dry_run: bool = False,
        links: Mapping[tuple[int, int], int] = MappingProxyType({}),
    ) -> int:
        """Forget images, and delete the blobs that no reference needs; the bytes freed.

        One whose reference has moved on since stays. It waits for those who read (see
        `reading`), so nobody loses an image while reading it. With `dry_run` nothing is changed;
        `links` are then those to each file (device, inode) that would have gone before.
        Raises EngineError, and changes nothing, when an image that stays is damaged.
        """
        if not self.path.is_dir():
            return 0
        gone = {(image.reference, image.digest) for image in forget}
        how = fcntl.LOCK_SH if dry_run else fcntl.LOCK_EX
        with self._locked("blobs.lock", how), self._locked("index.lock", how):
            unused = self._unused(gone, links)
            if not dry_run:
                if gone:
                    self._write([e for e in self._entries() if named(e) not in gone])
                for blob in unused:
                    blob.unlink()
                for leftover in self.path.glob(".*.*"):  # of a process that was killed
                    leftover.unlink(missing_ok=True)
        return sum(unused.values())

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Keep `collect` of other processes away while blobs are read."""
        with self._locked("blobs.lock", fcntl.LOCK_SH):
            yield

    def _has(self, digest: str) -> bool:
        """Whether all blobs of an image are there, by their sizes."""
        here = self.layout
        with contextlib.suppress(EngineError, OSError):
            blobs = here.reachable(here.describe(digest))
            return all(here.blob(blob.digest).stat().st_size == blob.size for blob in blobs)
        return False

    def _unused(
        self, gone: Collection[tuple[str, str]], links: Mapping[tuple[int, int], int]
    ) -> dict[Path, int]:
        """The blobs that only `gone` need, or nobody; and the bytes that each would free."""
        kept = (top for top in self._index() if (top.reference, top.digest) not in gone)
        used = {blob.digest for top in kept for blob in self.layout.reachable(top)}
        unused = {}
        for blob in (self.path / "blobs" / "sha256").iterdir():
            if f"sha256:{blob.name}" not in used:
                status = blob.stat()
                # A blob with another link stays on the disk.
                left = status.st_nlink - links.get((status.st_dev, status.st_ino), 0)
                unused[blob] = status.st_size if left == 1 else 0
        return unused

    def _images(self, entries: Iterable[Descriptor]) -> list[StoredImage]:
        with Sizes(self.path / "sizes.json") as sizes:
            return [
                self._image(entry, manifest, sizes)
                for entry in entries
                for manifest in self.layout.manifests(entry)
            ]

    def _image(self, entry: Descriptor, manifest: Manifest, sizes: Sizes) -> StoredImage:
        config = self.layout.config(manifest)
        blobs = {b.digest: b.size for b in (manifest.config, *manifest.layers)}
        tars = [sizes.unpacked(layer, self.layout) for layer in manifest.layers]
        return StoredImage(
            reference=entry.reference,
            digest=entry.digest,
            manifest_digest=manifest.digest,
            config_digest=config.digest,
            platform=config.platform,
            created=config.created,
            labels=config.labels,
            size=sum(blobs.values()),
            unpacked=None if None in tars else sum(size or 0 for size in tars),
        )

    def _find(self, reference: str) -> Descriptor | None:
        entries = {entry.reference: entry for entry in self._index()}
        return entries.get(reference) or entries.get(f"localhost/{reference}")

    def _index(self) -> tuple[Descriptor, ...]:
        return self.layout.index() if (self.path / "index.json").exists() else ()

    def _entries(self) -> list[dict[str, Any]]:
        # The JSON objects themselves, so that what other tools wrote in them is kept.
        path = self.path / "index.json"
        try:
            return list(json.loads(path.read_bytes()).get("manifests") or ())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, AttributeError) as error:
            raise EngineError(f"cannot read {path}: {error}") from error

    def _write(self, entries: list[dict[str, Any]]) -> None:
        in_order = sorted(entries, key=lambda e: (reference_of(e), str(e["digest"])))
        write_index(self.path, in_order)

    @contextlib.contextmanager
    def _locked(self, name: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
        (self.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        # Lock files are never deleted: two owners could else hold locks on two files.
        # NFS 4 lets who may read share a lock, and who may write have one alone.
        with (self.path / name).open("a+") as file:
            fcntl.flock(file, how)
            yield
