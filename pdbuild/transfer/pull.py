"""Takes an image from a registry into the store: all of its platforms, or one."""

import hashlib
import shutil
from pathlib import Path
from typing import TextIO

from pdbuild import dirs, lacks, locks, registries
from pdbuild.choices import Access
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Layout
from pdbuild.store import Store
from pdbuild.transfer.access import opened
from pdbuild.transfer.meter import Watch, metered
from pdbuild.transfer.skopeo import Skopeo, platform_words


def pull(
    store: Store,
    reference: str,
    access: Access,
    *,
    platform: str = "",
    stream: TextIO | None = None,
    skopeo: Skopeo | None = None,
    watch: Watch | None = None,
) -> tuple[str, bool]:
    """Take `reference` into the store under its full name; that, and whether it is new there.

    Without `platform` it comes with all that it has. Every byte is compared with its digest
    before the store has it. A layer that the store has is not fetched; one that was fetched when
    a pull broke off is there for the next. Raises UsageError for what names no registry's image,
    EngineError when the registry fails or refuses.
    """
    full = registries.qualified(reference)
    host = registries.registry(full)
    if host == "localhost":
        raise UsageError(f"{reference}: no registry has what is called localhost/")
    if "@" not in full and ":" not in full.rpartition("/")[2]:
        full = f"{full}:latest"
    skopeo = skopeo or Skopeo(host=host)
    folder = dirs.data_dir() / "pulling"
    folder.mkdir(exist_ok=True)
    made = folder / hashlib.sha256(full.encode()).hexdigest()[:12]
    with opened(host, access) as way, locks.alone(folder / f"{made.name}.lock"), store.reading():
        shutil.rmtree(made, ignore_errors=True)  # of one that was killed
        try:
            _layout(made, store.path)
            with metered(stream, f"from {host}", watch=watch) as meter, lacks.room(store.path, 0):
                skopeo.copy(
                    *platform_words(platform),
                    *("copy", "--quiet", *(() if platform else ("--all",)), *way.words("src")),
                    # As they are: the digests stay those of the registry.
                    *("--dest-oci-accept-uncompressed-layers", f"docker://{full}"),
                    f"oci:{made}:image",
                    failing=f"cannot pull {full}",
                    moved=meter.of(full),
                )
            (top,) = Layout(made).index()
            _fits(made, platform, full)
            return full, store.adopt(made, top.digest, full)
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _layout(made: Path, store: Path) -> None:
    """A layout whose blobs are the store's own: they appear there whole, by their digests."""
    (store / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    made.mkdir()
    (made / "blobs").symlink_to(store / "blobs")


def _fits(made: Path, platform: str, full: str) -> None:
    """Refuse an image of one platform that is another's: nobody looks at what it says."""
    layout = Layout(made)
    (top,) = layout.index()
    found = [layout.config(m).platform for m in layout.manifests(top)]
    if platform and not any(one in (platform, f"{platform}/v8") for one in found):
        raise EngineError(f"cannot pull {full}: it is for {', '.join(found)}, not for {platform}")
