"""The OCI layouts that targets are exported to: which images they hold, and clearing old ones."""

import contextlib
import json
import shutil
from pathlib import Path

from pdbuild.oci import Layout


def digests(layout: Path) -> frozenset[str]:
    """The digests of the images that the layout's index names."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        entries = json.loads((layout / "index.json").read_bytes())["manifests"]
        return frozenset(entry["digest"] for entry in entries)
    return frozenset()


def keep_only(layout: Path, digest: str) -> None:
    """Forget earlier exports in this layout, which exporters keep beside the new one."""
    if digests(layout) <= {digest}:
        return
    here = Layout(layout)
    used = {blob.digest for blob in here.reachable(here.describe(digest))}
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"] = [entry for entry in index["manifests"] if entry["digest"] == digest]
    (layout / "index.json").write_text(json.dumps(index))
    for blob in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{blob.name}" not in used:
            blob.unlink()
    shutil.rmtree(layout / "ingest", ignore_errors=True)
