"""How much a layer takes when it is unpacked, remembered for compressed ones."""

import contextlib
import json
from pathlib import Path

from pdbuild.oci import Descriptor, Layout
from pdbuild.store.files import replace


class Sizes:
    """Unpacked sizes, in bytes. Those of compressed layers are kept in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = {}
        self._changed = False

    def __enter__(self) -> "Sizes":
        # Only a cache: unreadable is the same as empty.
        with contextlib.suppress(OSError, ValueError):
            self._known = dict(json.loads(self._path.read_bytes()))
        return self

    def __exit__(self, *_: object) -> None:
        if self._changed:
            with contextlib.suppress(OSError):
                replace(self._path, self._known)

    def unpacked(self, layer: Descriptor, layout: Layout) -> int | None:
        """The size of a layer's tar; None when its compression cannot be read (zstd)."""
        if layer.media_type.endswith(".tar"):
            return layer.size
        if not layer.media_type.endswith("gzip"):
            return None
        if layer.digest not in self._known:
            self._known[layer.digest] = _gunzipped(layout.blob(layer.digest))
            self._changed = True
        return self._known[layer.digest]


def _gunzipped(path: Path) -> int:
    import gzip

    # Read through: the size that a gzip file states is modulo 4 GiB and of its last member.
    total = 0
    with gzip.open(path) as stream:
        while chunk := stream.read(1 << 20):
            total += len(chunk)
    return total
