"""Where the daemon's cache, lock, log and sockets are, and how its cache is configured."""

import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pdbuild import tools
from pdbuild.dirs import local_dir, runtime_dir
from pdbuild.engine import overlay
from pdbuild.errors import EngineError

# containerd refuses longer ones (pkg/sys, socket_unix.go: 104 works, 105 fails).
SOCKET_BYTES = 104

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The paths of one user's daemon of one BuildKit version.

    `label` is the version's "major.minor": another one cannot read the same cache.
    """

    folder: Path
    label: str

    @property
    def lock(self) -> Path:
        """Held while a daemon is started, runs or stops; never deleted, so never raced for.

        Its text says at which socket the holder listens.
        """
        return self.folder / f"{self.label}.lock"

    @property
    def log(self) -> Path:
        """What the daemon of the present or last run said."""
        return self.folder / f"{self.label}.log"

    def root(self, snapshotter: str) -> Path:
        """BuildKit's root; its layers are of one snapshotter's format."""
        return self.folder / f"{self.label}-{snapshotter}"

    def chosen(self) -> str | None:
        """The snapshotter of the root that exists."""
        made = (name for name in _SNAPSHOTTERS if self.root(name).is_dir())
        return next(made, None)


_SNAPSHOTTERS = ("overlayfs", "fuse-overlayfs", "native")


def find(version: str) -> Place:
    """The place of the daemon of this BuildKit version: below the cache, or node-local.

    Raises EngineError when there is no local disk for it.
    """
    label = ".".join(map(str, tools.numbers(version)[:2]))
    return Place(folder=local_dir("buildkit"), label=label)


def run_directory(place: Place) -> Path:
    """The directory of the sockets of `place`'s daemon, not made yet.

    Raises EngineError when its sockets' paths would be too long.
    """
    key = sha256(os.fsencode(place.lock)).hexdigest()[:6]
    directory = runtime_dir() / f"bk-{key}"
    longest = os.fsencode(directory / "buildkit" / "otel-grpc.sock")
    if len(longest) > SOCKET_BYTES:
        raise EngineError(
            f"the path of the daemon's sockets is too long: {os.fsdecode(longest)} has "
            f"{len(longest)} bytes, and {SOCKET_BYTES} work",
            hint="name a shorter directory in PDBUILD_RUNTIME_DIR",
        )
    return directory


def choose_snapshotter(place: Place, wrapper: Sequence[str], env: dict[str, str]) -> str:
    """The snapshotter of the existing root, else the best one that works; it stays the same.

    BuildKit's own automatic choice could differ between two starts, and each snapshotter has
    its own cache: the choice is part of the root's name instead. `wrapper` enters the
    namespaces that the daemon will run in, where a kernel overlay is tried.
    """
    chosen = place.chosen()
    if chosen:
        return chosen
    trial = place.folder / f"{place.label}.trial"  # we hold the lock: it is ours alone
    if not overlay.refused(trial, wrapper, env):
        return "overlayfs"
    fuse = shutil.which("fuse-overlayfs", path=env["PATH"])
    return "fuse-overlayfs" if fuse and os.access("/dev/fuse", os.R_OK | os.W_OK) else "native"


def config(place: Place, snapshotter: str, runc: Path, cgroups: str) -> str:
    """The daemon's buildkitd.toml.

    BuildKit's default policy deletes cache mounts that were unused for two days; they hold
    compile trees and ccache. So layers go first: rule 1 never deletes cache mounts, rule 2
    only them, with a larger cap (the caps count both kinds). `cgroups` names the control group
    of steps, for root; "" leaves it to BuildKit.
    """
    parent = f'defaultCgroupParent = "/{cgroups}"\n' if cgroups else ""
    disk = shutil.disk_usage(place.folder)
    layers = min(100 * _GIB, disk.total * 4 // 10)
    everything = min(150 * _GIB, disk.total * 6 // 10)
    spare = min(20 * _GIB, disk.total // 10)
    least = min(10 * _GIB, layers // 4)  # kept even when others fill the disk
    return f"""\
[worker.containerd]
enabled = false

[worker.oci]
enabled = true
snapshotter = "{snapshotter}"
networkMode = "host"
binary = {json.dumps(os.fspath(runc))}
{parent}
[[worker.oci.gcpolicy]]
all = true
filters = ["type!=exec.cachemount"]
maxUsedSpace = "{layers}"
minFreeSpace = "{spare}"
reservedSpace = "{least}"

[[worker.oci.gcpolicy]]
filters = ["type==exec.cachemount"]
maxUsedSpace = "{everything}"
"""


def take(lock: Path) -> int | None:
    """Take `lock` without waiting: its descriptor, or None when somebody has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
