"""Moves the tags of a repository, all of them or none: what was moved goes back when one fails.

A tag that was new is removed again, where the registry removes anything. skopeo, as registries of
old, knows only how to remove a manifest, with all the tags that name it; other tags may name the
same image. So the tag is first made to name something that nothing else does.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs, oci
from pdbuild.errors import EngineError
from pdbuild.oci import Descriptor
from pdbuild.transfer import layouts
from pdbuild.transfer.access import Opened
from pdbuild.transfer.skopeo import Skopeo

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags of the repository `to`; `stage` is the layout with what they are to name."""

    skopeo: Skopeo
    to: str
    way: Opened
    stage: Path
    say: Callable[[str], object]

    def move(self, images: Mapping[str, Descriptor]) -> frozenset[str]:
        """Have each tag name its image, which is there; those that did not before.

        Raises EngineError when one cannot be moved, and undoes those that were.
        """
        before = {tag: self._digest(tag) for tag in images}
        moved: list[str] = []
        # New ones last: not every registry removes them again.
        for tag in sorted(images, key=lambda tag: not before[tag]):
            if before[tag] == images[tag].digest:
                continue
            try:
                moved.append(tag)
                self._tag(tag, images[tag])
            except BaseException as error:
                left = self._undone(moved, before, images)
                if left and isinstance(error, EngineError):
                    raise EngineError(f"{error.message}\n{left}", hint=error.hint) from error
                if left:
                    self.say(left)
                raise
        return frozenset(moved)

    def _tag(self, tag: str, top: Descriptor) -> None:
        self._name(tag, self.stage, top)
        found = self._digest(tag)
        if found != top.digest:
            raise EngineError(
                f"cannot tag {self.to}:{tag}: {self.skopeo.host} took {top.digest}, and gives "
                f"{found or 'nothing'}",
                hint="tell who keeps it, or look at what is in between",
            )

    def _undone(
        self, moved: Sequence[str], before: Mapping[str, str], images: Mapping[str, Descriptor]
    ) -> str:
        """Have tags be as before; what could not be done, as a sentence, or ""."""
        left = []
        for tag in moved:
            try:
                if self._digest(tag) == before[tag]:
                    continue
                if before[tag]:
                    self._set_back(tag, before[tag])
                elif not self._removed(tag, images[tag]):
                    left.append(tag)
            except EngineError:
                left.append(tag)
        return f"these tags may be the new ones: {', '.join(left)}" if left else ""

    def _set_back(self, tag: str, digest: str) -> None:
        there = f"{self.to}:{tag}"
        old = f"docker://{self.to}@{digest}"
        self._copy(old, there=there, sides=("src", "dest"), failing=f"cannot set back {there}")

    def _removed(self, tag: str, top: Descriptor) -> bool:
        """Remove a tag that was new; if that fails it names its image, and not what we put there.

        Raises EngineError when the registry fails.
        """
        with tempfile.TemporaryDirectory(dir=dirs.runtime_dir(), prefix="nothing-") as folder:
            # The first has no tag: a registry that removes nothing is found before one is touched.
            trial, nothing = (_nothing(Path(folder, name)) for name in ("trial", "tagged"))
            self._name(f"@{trial.digest}", Path(folder, "trial"), trial)
            if not self._deleted(f"@{trial.digest}"):
                return False
            self._name(tag, Path(folder, "tagged"), nothing)
            if self._deleted(f"@{nothing.digest}") and not self._digest(tag):
                return True
        self._name(tag, self.stage, top)
        return False

    def _deleted(self, name: str) -> bool:
        try:
            self.skopeo.delete(f"{self.to}{name}", *self.way.words())
        except EngineError:
            return False
        return True

    def _name(self, tag: str, layout: Path, top: Descriptor) -> None:
        """Have a tag, or a digest with `@`, name what a layout has."""
        there = f"{self.to}{tag}" if tag.startswith("@") else f"{self.to}:{tag}"
        with layouts.view(layout, top) as source:
            words = ("--format=oci", f"oci:{source}:image")
            self._copy(*words, there=there, sides=("dest",), failing=f"cannot tag {there}")

    def _copy(self, *source: str, there: str, sides: Sequence[str], failing: str) -> None:
        # Of an index, only itself: what it names is there.
        words = ("copy", "--multi-arch=index-only", "--quiet", "--preserve-digests")
        options = (word for side in sides for word in self.way.words(side))
        self.skopeo.copy(*words, *options, *source, f"docker://{there}", failing=failing)

    def _digest(self, tag: str) -> str:
        return self.skopeo.digest(f"{self.to}:{tag}", *self.way.words())


def _nothing(layout: Path) -> Descriptor:
    """Make a layout of an image without files, which is like no other; what names it."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"org.pdbuild.nothing": os.urandom(16).hex()}},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    described = _blob(blobs, config, _CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": described,
        "layers": [],
    }
    return oci.parse_descriptor(_blob(blobs, manifest, _MANIFEST))


def _blob(blobs: Path, content: object, media_type: str) -> dict[str, object]:
    data = json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
