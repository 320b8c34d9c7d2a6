"""Layers of Buildah's in a folder: an OCI layout with the image of each node, and under which key
it is known.

Buildah's own `--cache-to` knows registries alone, and nothing of what pdbuild looks for: a node is
known by all that it reads (see `text.key`), and its image is looked for before Buildah is asked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdbuild import whole
from pdbuild.engine.buildah.images import Images
from pdbuild.engine.layers import Layers
from pdbuild.errors import EngineError

_RECORDS = "pdbuild-records.json"

Recorded = dict[str, Any]


def write(found: Mapping[str, Recorded], images: Images, folder: Path) -> None:
    """Keep the images of what is recorded under these keys, besides those that are there.

    Raises EngineError when that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for image in sorted({str(recorded["image"]) for recorded in found.values()}):
        images.keep(image, folder)
    there = _read(folder)
    text = json.dumps(there | dict(found), indent=1, sort_keys=True)
    whole.write(folder / _RECORDS, text + "\n")


@dataclass(slots=True)
class Kept:
    """What folders have of the nodes of a run, taken when it is needed."""

    images: Images
    layers: Iterable[Layers]
    _found: dict[str, tuple[Path, Recorded]] | None = field(default=None, init=False)

    def take(self, key: str, root: str) -> Recorded:
        """Have what a folder has under a key, and record it as the project's in `root`; {} if none.

        What is damaged is as good as none.
        """
        if self._found is None:
            folders = [place.folder for place in self.layers if place.folder]
            self._found = {k: (f, r) for f in reversed(folders) for k, r in _read(f).items()}
        if key not in self._found:
            return {}
        folder, recorded = self._found.pop(key)
        try:
            self.images.taken(str(recorded["image"]), folder)
        except EngineError:
            return {}
        recorded = {**recorded, "root": root}
        self.images.place.remember(key, recorded)
        return recorded


def _read(folder: Path) -> dict[str, Recorded]:
    try:
        read = json.loads((folder / _RECORDS).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): dict(recorded) for key, recorded in read.items()}
