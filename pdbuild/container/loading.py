"""Puts images of the store into podman's own storage, where `podman run` finds them too."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pdbuild import dirs, ground, locks, platforms, programs, whales
from pdbuild.container.host import Host, find
from pdbuild.engine import flatten
from pdbuild.store import Store

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
    before = _image_id(host, name)
    if before == config.removeprefix("sha256:"):
        return False
    with locks.alone(dirs.machine_dir() / "loading.lock"), store.reading():
        # One of those that start at once loads it for all.
        if _image_id(host, name) == config.removeprefix("sha256:"):
            return False
        _copy(host, f"oci:{store.path}:{entry.reference}", name, platform)
    if before:
        _remove_if_unnamed(host, before)
    return True


def listing(host: Host) -> Path:
    """podman's own list of its images."""
    return Path(host.graph_root, f"{host.driver}-images", "images.json")


def _named(host: Host) -> dict[str, tuple[str, ...]]:
    """The names of podman's images by their ids, as its own list has them.

    Asking podman takes a tenth of a second, for each image.
    """
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        images = json.loads(listing(host).read_bytes())
        return {str(image["id"]): tuple(image.get("names") or ()) for image in images}
    return {}


@ground.ordinary_umask()
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
            quick=True,
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
    for image, names in _named(host).items():
        if reference in names:
            return image
    # It may be called otherwise there, or be in another storage that podman reads, too.
    words = (host.podman, *host.flags, "image", "inspect", "--format={{.Id}}", reference)
    done = programs.run(*words, quick=True)
    return done.out.strip() if done.code == 0 else ""


def _remove_if_unnamed(host: Host, image: str) -> None:
    if _named(host).get(image) == ():
        # Not forced: one that a container still uses stays.
        programs.run(host.podman, *host.flags, "image", "rm", image, quick=True)


def native_platform(store: Store, reference: str) -> str:
    found = store.platforms(reference)
    return native(found) or found[0]


def native(found: Sequence[str]) -> str:
    """The one of an image's platforms that is this machine's; "" if it is not there."""
    own = platforms.native().name
    return next((p for p in found if p == own or p.startswith(f"{own}/")), "")
