"""Exported images that say the time of their target, not when and of what they were made here.

Buildah writes the moment of every step, and the id of the image before it, into an image's history,
so that the same files would come out under another digest each time. Here what is later than the
target's time counts as that time, as BuildKit has it with SOURCE_DATE_EPOCH, and ids are left out.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pdbuild.errors import EngineError
from pdbuild.oci import Layout, put_blob, write_index

#: In a layout's index: the id of the image in Buildah's storage that an image was made of.
MADE_OF = "org.pdbuild.made-of"
# The image that a stage starts from: no other storage has it.
_BASE = "org.opencontainers.image.base."
_FROM = re.compile(r"FROM [0-9a-f]{12}")

Json = dict[str, Any]


def write(layout: Path, digest: str, image: str, seconds: str) -> str:
    """Have the image `digest` of a layout say `seconds` (since 1970); its new digest.

    The entry of the index names `image` then; one that does is left as it is. Raises EngineError
    for a damaged layout.
    """
    here, blobs = Layout(layout), layout / "blobs" / "sha256"
    try:
        index: Json = json.loads((layout / "index.json").read_bytes())
        (entry,) = (e for e in index["manifests"] if e["digest"] == digest)
        if MADE_OF in (entry.get("annotations") or {}):
            return digest
        manifest: Json = json.loads(here.blob(digest).read_bytes())
        config: Json = json.loads(here.blob(manifest["config"]["digest"]).read_bytes())
        dated = json.dumps(_dated(config, int(seconds)), sort_keys=True).encode()
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EngineError(f"cannot read {layout}: {error}") from error
    manifest["config"] |= put_blob(blobs, dated)
    said = manifest.get("annotations") or {}
    manifest["annotations"] = {k: v for k, v in said.items() if not k.startswith(_BASE)}
    entry |= put_blob(blobs, json.dumps(manifest, sort_keys=True).encode())
    entry["annotations"] = {**(entry.get("annotations") or {}), MADE_OF: image}
    write_index(layout, index["manifests"])
    return str(entry["digest"])


def _dated(config: Mapping[str, Any], seconds: int) -> Json:
    time = datetime.fromtimestamp(seconds, UTC)
    history = [_not_after(entry, time) for entry in config.get("history") or ()]
    for entry in history:
        if _FROM.fullmatch(entry.get("comment") or ""):
            del entry["comment"]
    return {**_not_after(config, time), "history": history}


def _not_after(values: Mapping[str, Any], time: datetime) -> Json:
    said = values.get("created")
    if not said or datetime.fromisoformat(said) <= time:
        return dict(values)
    return {**values, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
