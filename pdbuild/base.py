"""Bootstraps base root file systems from Debian's signed archive, once each.

A base is an OCI layout of one image with one uncompressed layer, so that BuildKit takes it by
digest from disk. No registry is involved.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pdbuild.dirs import data_dir
from pdbuild.engine import process, tools
from pdbuild.errors import EngineError

# 1980-01-01: mmdebstrap clamps every time to it, so that the same packages give the same
# bytes; it is the oldest that zip files, and so Python's wheels, can hold.
_EPOCH = "315532800"

# What Debian's own slim images leave out. It holds for packages installed later, too.
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
)

# The mirror serves the bootstrap alone: the image keeps the sources that mmdebstrap writes
# for upstream.
_TO_MIRROR = r"""
cp "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.upstream"
sed -i -E \
    -e "s#^(deb) [^ ]*/debian-security/? #\1 ${PDBUILD_APT_MIRROR%/}-security #" \
    -e "s#^(deb) [^ ]*/debian/? #\1 ${PDBUILD_APT_MIRROR%/} #" "$1/etc/apt/sources.list"
"""
_FROM_MIRROR = r"""
mv "$1/etc/apt/sources.list.upstream" "$1/etc/apt/sources.list"
rm -rf "$1"/var/lib/apt/lists/*
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A bootstrapped base: an OCI layout on disk and the digest of its manifest."""

    layout: Path
    digest: str

    @property
    def context(self) -> str:
        """The base as a named context of BuildKit. By digest: a tag would need write access."""
        return f"oci-layout://{self.layout}@{self.digest}"


def find(suite: str, architecture: str) -> Base | None:
    """The base of a suite and Debian architecture, when it has been bootstrapped."""
    return _read(_folder(suite, architecture))


def ensure(suite: str, architecture: str, *, mirror: str, say: Callable[[str], None]) -> Base:
    """That base; bootstraps it when it is not there yet.

    `mirror` (may be empty) is where the packages come from; `say` gets a line when there is
    something to wait for. Raises EngineError when mmdebstrap is missing or fails.
    """
    folder = _folder(suite, architecture)
    found = _read(folder)
    if found:
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent / "lock"):
        found = _read(folder)  # made by the one that we waited for
        if found is None:
            say(f"bootstrapping Debian {suite} ({architecture}) from its signed archive")
            _bootstrap(folder, suite, architecture, mirror)
            found = _read(folder)
    assert found
    return found


def _folder(suite: str, architecture: str) -> Path:
    recipe = json.dumps([suite, architecture, _EPOCH, _DPKG_OPTIONS, 1])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return data_dir() / "bases" / f"{suite}-{architecture}-{key}"


def _read(folder: Path) -> Base | None:
    try:
        index = json.loads((folder / "index.json").read_bytes())
    except FileNotFoundError:
        return None
    return Base(layout=folder, digest=index["manifests"][0]["digest"])


def _bootstrap(folder: Path, suite: str, architecture: str, mirror: str) -> None:
    for left in folder.parent.glob(".partial-*"):  # of an interrupted one; we hold the lock
        shutil.rmtree(left)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        tarball = partial / "base.tar"
        _mmdebstrap(tarball, suite, architecture, mirror)
        _layout(partial, tarball, architecture)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _mmdebstrap(tarball: Path, suite: str, architecture: str, mirror: str) -> None:
    tool = tools.require("mmdebstrap", reason="bootstrap the base")
    argv = [
        str(tool.path),
        "--variant=apt",
        "--format=tar",
        f"--mode={'root' if os.getuid() == 0 else 'unshare'}",
        f"--architectures={architecture}",
        "--skip=output/dev",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
    ]
    if mirror:
        argv += [f"--setup-hook={_TO_MIRROR}", f"--customize-hook={_FROM_MIRROR}"]
    argv += [suite, str(tarball)]
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": _EPOCH,
        "PDBUILD_APT_MIRROR": mirror,
        # The chroot is another uid's, who must be able to reach it: a private TMPDIR will not do.
        "TMPDIR": "/var/tmp",
        "PATH": tools.search_path(),
    }
    running = process.popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        death=signal.SIGTERM,  # it removes its chroot then
    )  # fmt: skip
    try:
        output, _ = running.communicate()
    finally:
        process.stop(running, ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)))
    if running.returncode:
        last = "\n".join(output.decode(errors="replace").splitlines()[-15:])
        raise EngineError(
            f"mmdebstrap could not bootstrap {suite} (exit code {running.returncode}):\n{last}",
            hint="check the suite's name and the network, or set [mirrors].apt in the recipe",
        )


def _layout(folder: Path, tarball: Path, architecture: str) -> None:
    """Make `folder` an OCI image layout around the tarball (image-spec, image-layout.md)."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with tarball.open("rb") as stream:
        layer = hashlib.file_digest(stream, "sha256").hexdigest()
    size = tarball.stat().st_size
    tarball.rename(blobs / layer)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(blobs, json.dumps(config).encode(), _CONFIG),
        "layers": [{"mediaType": _LAYER, "digest": f"sha256:{layer}", "size": size}],
    }
    described = _blob(blobs, json.dumps(manifest).encode(), _MANIFEST)
    described["platform"] = {"architecture": architecture, "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [described]}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n')
    (folder / "index.json").write_text(json.dumps(index))


def _blob(blobs: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
