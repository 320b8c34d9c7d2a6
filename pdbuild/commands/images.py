"""`pdbuild images`: what the image store has."""

import json
from dataclasses import asdict

from pdbuild import dirs
from pdbuild.commands.report import size
from pdbuild.commands.table import lines
from pdbuild.store import Store


def listing(*, as_json: bool) -> str:
    """A table of the images, or the same as JSON (sizes in bytes)."""
    images = Store(dirs.data_dir() / "images").images()
    if as_json:
        return json.dumps([asdict(image) for image in images], indent=1)
    rows = [("IMAGE", "PLATFORM", "SIZE", "DIGEST")]
    for image in images:
        short = image.digest.removeprefix("sha256:")[:12]
        rows.append((image.reference, image.platform, size(image.unpacked or image.size), short))
    return lines(rows, right=frozenset({2}))
