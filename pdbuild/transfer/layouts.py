"""OCI layouts that are only for one transfer: a folder with the blobs of another."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pdbuild import dirs, oci, platforms
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import REFERENCE, Descriptor, Layout, Manifest, parse_descriptor
from pdbuild.store import Store


@contextlib.contextmanager
def view(blobs_of: Path, top: Descriptor) -> Iterator[Path]:
    """A layout of one image, whose reference is `image`: the blobs are those of `blobs_of`.

    So a transfer has the image that was looked up, whatever its reference means a moment later.
    """
    with tempfile.TemporaryDirectory(dir=dirs.runtime_dir(), prefix="view-") as folder:
        made = Path(folder)
        (made / "blobs").symlink_to(blobs_of.absolute() / "blobs")
        oci.write_index(made, entries({"image": top}, REFERENCE))
        yield made


def chosen(store: Store, reference: str, platform: str) -> str:
    """For which platform an image is taken: `platform`, else this machine's, else what it has.

    Raises UsageError when it is not there for that.
    """
    there = store.platforms(reference)
    native = platforms.native().name
    platform = platform or (native if native in there else there[0])
    if platform not in there:
        raise UsageError(f"{reference} is there for {', '.join(there)}, not for {platform}")
    return platform


def manifest(store: Store, reference: str, platform: str) -> Manifest:
    """The image of a reference for one of its platforms."""
    digest = store.config(reference, platform).digest
    found = store.layout.manifests(store.entry(reference))
    return next(one for one in found if one.config.digest == digest)


def entries(images: Mapping[str, Descriptor], *names: str) -> list[dict[str, Any]]:
    """The entries of an index with these images; the annotations `names` have the references."""
    return [
        {
            "mediaType": top.media_type,
            "digest": top.digest,
            "size": top.size,
            "annotations": {name: reference for name in names},
        }
        for reference, top in sorted(images.items())
    ]


def named(layout: Path, name: str) -> Descriptor | None:
    """The image that has a reference in a layout, if all its blobs are there."""
    here = Layout(layout)
    with contextlib.suppress(EngineError, OSError):
        for entry in here.index():
            if entry.annotations.get(REFERENCE) == name:
                blobs = here.reachable(entry)
                if all(here.blob(blob.digest).stat().st_size == blob.size for blob in blobs):
                    return parse_descriptor(
                        {"mediaType": entry.media_type, "digest": entry.digest, "size": entry.size}
                    )
    return None


def keep_only(layout: Path, images: dict[str, Descriptor]) -> None:
    """Forget all other images of a layout, and their blobs."""
    here = Layout(layout)
    used = {blob.digest for top in images.values() for blob in here.reachable(top)}
    oci.write_index(layout, entries(images, REFERENCE))
    for blob in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{blob.name}" not in used:
            blob.unlink(missing_ok=True)
    for left in layout.glob("oci-put-blob*"):  # of a skopeo that was killed
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
