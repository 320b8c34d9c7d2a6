"""Where Buildah keeps its images and caches for pdbuild, and the namespaces that it runs in."""

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdbuild import tools
from pdbuild.engine import flatten

# What the user's shell and configuration must not change in a build.
_SCRUBBED = ("BUILDAH_", "CONTAINERS_", "STORAGE_", "_CONTAINERS_", "SOURCE_DATE_EPOCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """This user's storage for one Buildah version: images, caches of steps, records.

    `one_id` says that all files belong to the user, who has no range of ids.
    """

    folder: Path
    driver: str
    one_id: bool
    buildah: Path

    @property
    def tmp(self) -> Path:
        """Buildah's TMPDIR. Its cache mounts are there, so it stays."""
        return self.folder / "tmp"

    @property
    def images(self) -> Path:
        """containers/storage's list of images."""
        return self.folder / "root" / f"{self.driver}-images" / "images.json"

    def profile(self, run: Path) -> Path | None:
        """The seccomp profile for steps, in a run's folder; None is Buildah's own."""
        return run / "seccomp.json" if self.one_id else None

    def record(self, key: str) -> Path:
        """The file that tells which image a node's key yielded."""
        return self.folder / "records" / key

    def command(self) -> list[str]:
        """`buildah` with its global options."""
        return [
            os.fspath(self.buildah),
            f"--root={self.folder / 'root'}",
            f"--runroot={self.folder / 'runroot'}",
            f"--storage-driver={self.driver}",
            "--cgroup-manager=cgroupfs",
        ]

    def words(self, *arguments: str) -> list[str]:
        """A whole command line of `buildah`, in namespaces that die with their first process."""
        return self.inside(*self.command(), *arguments)

    def storage(self, image: str) -> str:
        """An image of this storage as skopeo names it."""
        where = f"{self.driver}@{self.folder / 'root'}+{self.folder / 'runroot'}"
        return f"containers-storage:[{where}]{image}"

    def inside(self, *words: str) -> list[str]:
        """`words` run where Buildah runs; see `inside`."""
        return inside(*words, one_id=self.one_id)

    def environment(self, run: Path) -> dict[str, str]:
        """The environment of every program that uses the storage; `run` is this run's folder."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_SCRUBBED)}
        kept |= {
            "PATH": tools.search_path(),
            "TMPDIR": str(self.tmp),
            "XDG_RUNTIME_DIR": str(run),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }
        if os.getuid():  # it is in its user namespace already: it need not make one
            kept |= {
                "_CONTAINERS_USERNS_CONFIGURED": "done",
                "_CONTAINERS_ROOTLESS_UID": str(os.getuid()),
                "_CONTAINERS_ROOTLESS_GID": str(os.getgid()),
            }
        return kept

    def known_images(self) -> frozenset[str]:
        """The ids of the images in the storage."""
        try:
            return frozenset(str(image["id"]) for image in json.loads(self.images.read_bytes()))
        except (OSError, ValueError, LookupError, TypeError):
            return frozenset()

    def layer(self, image: str) -> str:
        """The id of an image's topmost layer; "" when the list does not tell."""
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            for entry in json.loads(self.images.read_bytes()):
                if entry["id"] == image:
                    return str(entry["layer"])
        return ""

    def recorded(self, key: str) -> dict[str, Any]:
        """What is recorded under a key; {} when nothing is."""
        try:
            read = json.loads(self.record(key).read_bytes())
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def remember(self, key: str, found: dict[str, Any]) -> None:
        """Record under a key."""
        path = self.record(key)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            json.dump(found, file)
        Path(temporary).replace(path)


def inside(*words: str, one_id: bool) -> list[str]:
    """`words` run as root of the user's namespaces; `one_id` says that the user has no others.

    The process namespace makes that killing the first process kills all that it started,
    also the steps' containers; the mount namespace takes the mounts along.
    """
    unshare = shutil.which("unshare", path=tools.search_path()) or "unshare"
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    if user and not one_id:
        user.append("--map-auto")
    return [
        unshare, *user,
        "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc",
        "--", *(flatten.words() if one_id else ()), *words,
    ]  # fmt: skip
