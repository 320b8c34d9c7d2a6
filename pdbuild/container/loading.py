"""Puts images of the store into podman's own storage, where `podman run` finds them too."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pdbuild import dirs, platforms, programs, whales, whole
from pdbuild.container.host import Host, find
from pdbuild.engine import flatten
from pdbuild.errors import EngineError
from pdbuild.store import Store
from pdbuild.whales import Client

_FAILING = "cannot load the image into podman"


def load(store: Store, reference: str, platform: str = "", *, name: str = "") -> bool:
    """Make podman know a stored image by its reference, or by `name`; False if it did already.

    Of several platforms it is the given one, else the machine's. An image that podman had under
    this reference before is removed when it has no other name and no container. Raises
    UsageError when the store lacks the image, EngineError when the copy fails.
    """
    entry = store.entry(reference)
    platform = platform or native_platform(store, reference)
    config = store.config(reference, platform).digest
    name = name or entry.reference
    host = find()
    known = _Known(host)
    if known.has(name, config):
        return False
    before = _image_id(host, name)
    if before == config.removeprefix("sha256:"):
        known.add(name, config)
        return False
    with store.reading():
        _copy(host, f"oci:{store.path}:{entry.reference}", name, platform)
    if before:
        _remove_if_unnamed(host, before)
    known.add(name, config)
    return True


def listing(host: Host) -> Path:
    """podman's own list of its images."""
    return Path(host.graph_root, f"{host.driver}-images", "images.json")


class _Known:
    """What was loaded, and podman's list of images as it was then.

    As long as podman's file is the same, nobody removed or renamed an image, and podman need
    not be asked (a tenth of a second).
    """

    def __init__(self, host: Host) -> None:
        self._list = listing(host)
        self._path = dirs.cache_dir() / "podman-loaded.json"

    def has(self, reference: str, config: str) -> bool:
        stamp = self._stamp()
        return bool(stamp) and self._read().get(reference) == [config, stamp]

    def add(self, reference: str, config: str) -> None:
        stamp = self._stamp()
        # Entries with an older stamp say nothing any more, but for the one just confirmed.
        kept = {k: v for k, v in self._read().items() if v[1:] == [stamp]}
        whole.write(self._path, json.dumps({**kept, reference: [config, stamp]}))

    def _read(self) -> dict[str, list[str]]:
        try:
            return dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return {}

    def _stamp(self) -> str:
        try:
            status = self._list.stat()
        except OSError:
            return ""
        return f"{self._list} {status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _copy(host: Host, source: str, reference: str, platform: str) -> None:
    system, architecture, *variant = platform.split("/")
    skopeo = shutil.which("skopeo")
    # With one id, files of others become the user's own, whatever the storage is told.
    words = () if host.keep_id else tuple(flatten.words())
    # skopeo must be told podman's storage: what it takes itself may differ from podman's
    # database. Other storage options it cannot be told in a simple way.
    if skopeo and host.plain_storage:
        programs.ran(
            *(*words, skopeo),
            *(f"--override-os={system}", f"--override-arch={architecture}"),
            *(f"--override-variant={v}" for v in variant),
            *("copy", "--quiet", source),
            f"containers-storage:[{host.driver}@{host.graph_root}+{host.run_root}]{reference}",
            failing=_FAILING,
        )
        return
    _, directory, name = source.split(":", 2)
    # podman calls the image after the path, which must make a valid name: relative, and no
    # image of anybody's.
    with tempfile.TemporaryDirectory(dir=dirs.runtime_dir(), prefix="load-") as here:
        alias = f"pdbuild-load-{os.getpid()}"
        Path(here, alias).symlink_to(directory)
        podman = (*words, host.podman, *host.flags, "--log-level=error")
        choice = (f"--os={system}", f"--arch={architecture}")
        pull = (*podman, "pull", "--quiet", *choice, f"oci:{alias}:{name}")
        image = programs.ran(*pull, cwd=Path(here), failing=_FAILING).split()[-1]
    with whales.client(*podman) as client:
        pulled = client.image.inspect(image)
        pulled.tag(reference)
        # By its name alone: the image has the other one now.
        for tag in set(pulled.repo_tags) - {reference}:
            if tag.startswith(f"localhost/{alias}"):
                client.image.remove(tag)


def _image_id(host: Host, reference: str) -> str:
    # Asked before each start of a program once podman's images have changed: quick.
    words = (host.podman, *host.flags, "image", "inspect", "--format={{.Id}}", reference)
    done = programs.run(*words, quick=True)
    return done.out.strip() if done.code == 0 else ""


def _remove_if_unnamed(host: Host, image: str) -> None:
    # Not forced: one that a container still uses stays.
    with contextlib.suppress(EngineError), _client(host) as client:
        if not client.image.inspect(image).repo_tags:
            client.image.remove(image)


def _client(host: Host) -> contextlib.AbstractContextManager[Client]:
    return whales.client(host.podman, *host.flags, "--log-level=error")


def native_platform(store: Store, reference: str) -> str:
    found = store.platforms(reference)
    return native(found) or found[0]


def native(found: Sequence[str]) -> str:
    """The one of an image's platforms that is this machine's; "" if it is not there."""
    own = platforms.native().name
    return next((p for p in found if p == own or p.startswith(f"{own}/")), "")
