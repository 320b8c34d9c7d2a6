"""OCI images of trees, written by pdbuild itself."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from pdbuild.engine import flatten
from pdbuild.engine.buildah.graph import Node
from pdbuild.engine.proot import trees
from pdbuild.engine.proot.trees import Made
from pdbuild.oci import put_blob
from pdbuild.platforms import native

_OCI = "application/vnd.oci.image"


def write(made: Made, node: Node, layout: Path, blobs: Path) -> str:
    """Write the image of a target's tree into a layout of its own; its digest."""
    shutil.rmtree(layout, ignore_errors=True)
    place = layout / "blobs" / "sha256"
    place.mkdir(parents=True)
    layers = made.layers
    if layers is None:  # with steps in it
        layers = (trees.layer(trees.everything(made.root), blobs),)
    for layer in layers:
        name = layer.digest.removeprefix("sha256:")
        if not (place / name).exists():
            os.link(blobs / name, place / name)
    system, machine, *_ = native().name.split("/")
    labels = dict(node.labels)
    if labels and made.layers is None:
        labels[flatten.LABEL[0]] = flatten.LABEL[1]
    created = datetime.fromtimestamp(int(node.timestamp or 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = {
        "architecture": machine,
        "os": system,
        "created": created,
        "config": {
            "Env": [f"{name}={value}" for name, value in made.env.items()],
            **made.config,
            **({"Labels": labels} if labels else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        "history": [{"created": created, "created_by": "pdbuild"} for _ in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _blob(place, json.dumps(config).encode(), "config.v1+json"),
        "layers": [
            {"mediaType": f"{_OCI}.layer.v1.tar", "digest": layer.digest, "size": layer.size}
            for layer in layers
        ],
    }
    top = _blob(place, json.dumps(manifest).encode(), "manifest.v1+json")
    index = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.index.v1+json",
        "manifests": [{**top, "platform": {"os": system, "architecture": machine}}],
    }
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n')
    (layout / "index.json").write_text(json.dumps(index))
    return str(top["digest"])


def _blob(place: Path, data: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": f"{_OCI}.{kind}", **put_blob(place, data)}
