"""Bootstraps base root file systems from Debian's signed archive, once each.

A base is an OCI layout of one image with one uncompressed layer, so that BuildKit takes it by
digest from disk. No registry is involved.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pdbuild import account, carried, oci, platforms
from pdbuild.bootstrap import DPKG_OPTIONS, EPOCH, bootstrap, check
from pdbuild.dirs import data_dir
from pdbuild.engine import emulators
from pdbuild.errors import EngineError
from pdbuild.locks import alone
from pdbuild.platforms import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A bootstrapped base: an OCI layout on disk and the digest of its manifest."""

    layout: Path
    digest: str

    @property
    def context(self) -> str:
        """The base as a named context of BuildKit. By digest: a tag would need write access."""
        return f"oci-layout://{self.layout}@{self.digest}"


def architecture() -> str:
    """The Debian architecture of this machine."""
    return platforms.native().architecture


def find(suite: str, architecture: str) -> Base | None:
    """The base of a suite and Debian architecture, when it has been bootstrapped."""
    return _read(_folder(suite, architecture))


def ensure(suite: str, architecture: str, *, mirror: str, say: Callable[[str], object]) -> Base:
    """That base; bootstraps it when it is not there yet.

    `mirror` (may be empty) is where the packages come from; `say` gets a line when there is
    something to wait for. Without a network it is taken from what was carried. Raises EngineError
    when that does not have it, and when mmdebstrap is missing or fails.
    """
    folder = _folder(suite, architecture)
    found = _read(folder)
    if found:
        return found
    if archive := carried.here():
        return taken(archive, folder.name, f"the base, Debian {suite} ({architecture})")
    _refuse_without_namespaces(suite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.parent / "lock"):
        found = _read(folder)  # made by the one that we waited for
        if found is None:
            platform, one_id = _platform(architecture), account.find().one_id
            check(suite, platform, mirror=mirror, one_id=one_id)
            say(f"bootstrapping Debian {suite} ({architecture}) from its signed archive")
            _bootstrap(folder, suite, platform, mirror, one_id=one_id)
            found = _read(folder)
    assert found
    return found


def taken(archive: carried.Carried, name: str, what: str) -> Base:
    """The base of a folder's name, from what was carried here, unless it is here already.

    Raises EngineError when that does not have it; `what` it is stands in the message.
    """
    folder = data_dir() / "bases" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.parent / "lock"):
        found = _read(folder)
        if found is None:
            _take(archive, folder, what)
            found = _read(folder)
    assert found
    return found


def _folder(suite: str, architecture: str) -> Path:
    recipe = json.dumps([suite, architecture, EPOCH, DPKG_OPTIONS, 2])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return data_dir() / "bases" / f"{suite}-{architecture}-{key}"


def _platform(architecture: str) -> Platform:
    known = {platform.architecture: platform for platform in platforms.PLATFORMS.values()}
    return known.get(architecture) or platforms.native()


def _read(folder: Path) -> Base | None:
    try:
        index = json.loads((folder / "index.json").read_bytes())
    except FileNotFoundError:
        return None
    return Base(layout=folder, digest=index["manifests"][0]["digest"])


def _take(archive: carried.Carried, folder: Path, what: str) -> None:
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        if not archive.take(f"bases/{folder.name}", partial):
            raise carried.lacking(archive, what)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _refuse_without_namespaces(suite: str) -> None:
    mine = account.find()
    if mine.rung is account.Rung.C:
        raise EngineError(
            f"the base, Debian {suite}, cannot be made without namespaces: {mine.why}",
            hint="make it elsewhere, by pdbuild fetch --to DIR, and take it by --offline DIR; "
            f"or {mine.hint}",
        )


def _bootstrap(folder: Path, suite: str, platform: Platform, mirror: str, *, one_id: bool) -> None:
    for left in folder.parent.glob(".partial-*"):  # of an interrupted one; we hold the lock
        shutil.rmtree(left)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        tarball = partial / "base.tar"
        bootstrap(tarball, suite, platform, mirror=mirror, one_id=one_id)
        shutil.rmtree(partial / "tools", ignore_errors=True)
        (partial / emulators.ENTRIES).unlink(missing_ok=True)
        _layout(partial, tarball, platform.architecture)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _layout(folder: Path, tarball: Path, architecture: str) -> None:
    """Make `folder` an OCI image layout around the tarball (image-spec, image-layout.md)."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with tarball.open("rb") as stream:
        layer = hashlib.file_digest(stream, "sha256").hexdigest()
    size = tarball.stat().st_size
    tarball.rename(blobs / layer)
    system, machine, *variant = _platform(architecture).name.split("/")
    described_as = {"architecture": machine, "os": system}
    if variant:
        described_as["variant"] = variant[0]
    config = {
        **described_as,
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        # Buildah refuses an image with fewer of these than layers.
        "history": [{"created_by": "mmdebstrap"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(blobs, json.dumps(config).encode(), _CONFIG),
        "layers": [{"mediaType": _LAYER, "digest": f"sha256:{layer}", "size": size}],
    }
    described = _blob(blobs, json.dumps(manifest).encode(), _MANIFEST)
    described["platform"] = described_as
    oci.write_index(folder, [described])


def _blob(blobs: Path, content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, **oci.put_blob(blobs, content)}


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
