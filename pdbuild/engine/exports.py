"""The OCI layouts that targets are exported to: which images they hold, whether they are whole,
and clearing old ones.
"""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from pdbuild.oci import Layout


def digests(layout: Path) -> frozenset[str]:
    """The digests of the images that the layout's index names."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        entries = json.loads((layout / "index.json").read_bytes())["manifests"]
        return frozenset(entry["digest"] for entry in entries)
    return frozenset()


def mend(layout: Path) -> None:
    """Make a layout fit to be exported to, whatever an exporter that was killed has left there.

    Exporters write the index in place, so it may be cut off; blobs they rename when complete.
    """
    layout.mkdir(parents=True, exist_ok=True)
    for name in ("index.json", "oci-layout"):
        try:
            json.loads((layout / name).read_bytes())
        except FileNotFoundError:
            continue
        except ValueError:
            (layout / name).unlink()


def keep_only(layout: Path, digest: str) -> None:
    """Forget earlier exports in this layout, which exporters keep beside the new one."""
    if digests(layout) <= {digest}:
        return
    here = Layout(layout)
    used = {blob.digest for blob in here.reachable(here.describe(digest))}
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"] = [entry for entry in index["manifests"] if entry["digest"] == digest]
    written = layout / "index.json.new"
    written.write_text(json.dumps(index))
    written.replace(layout / "index.json")
    for blob in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{blob.name}" not in used:
            blob.unlink()
    shutil.rmtree(layout / "ingest", ignore_errors=True)


def stamp(path: Path) -> str:
    """Size and time of a blob, "" when it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a third of Path.stat's time, a hundred times
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def whole(path: Path, before: str) -> bool:
    """Whether a blob is as it was before, by its stamp.

    One that has another content goes: exporters keep what has the right name.
    """
    now = stamp(path)
    if not now or now == before:
        return bool(now)
    with path.open("rb") as file:
        right = hashlib.file_digest(file, "sha256").hexdigest() == path.name
    if not right:
        path.unlink(missing_ok=True)
    return right
