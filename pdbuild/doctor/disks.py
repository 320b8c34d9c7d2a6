"""Probes of the directories that pdbuild keeps its state in."""

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from pdbuild.doctor.finding import Finding, fail, ok, warn
from pdbuild.engine import place

_GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where a directory is, or would be: its disk's kind, options and free bytes."""

    path: Path
    kind: str
    options: frozenset[str]
    free: int
    writable: bool

    @property
    def remote(self) -> bool:
        """Whether it is a file system of the network's or of FUSE."""
        return place.is_remote(self.kind)


def look(path: Path) -> Disk:
    """The disk of a directory that need not exist; nothing is made."""
    there = path
    while not there.exists():
        there = there.parent
    mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    real = os.path.realpath(there)
    return Disk(
        path=path,
        kind=place.filesystem(mounts, real),
        options=place.mount_options(mounts, real),
        free=shutil.disk_usage(there).free,
        writable=os.access(there, os.W_OK | os.X_OK),
    )


def state(name: str, variable: str, disk: Disk, *, least: int) -> Finding:
    """The finding on a directory of state; `least` are the bytes that a bake may need."""
    text = f"{disk.path}, {disk.kind}, {disk.free / _GB:.0f} GB free"
    mend = f"name a directory on a local disk in {variable}"
    if not disk.writable:
        return fail(name, f"{disk.path} cannot be written", cost="nothing can be built", mend=mend)
    if "noexec" in disk.options:
        cost = "programs there do not start, and engines and builds are there"
        return fail(name, f"{text}, mounted noexec", cost=cost, mend=mend)
    if disk.free < least // 10:
        text = f"{disk.path} has only {disk.free / _GB:.1f} GB free"
        return fail(name, text, cost="a bake fills the disk", mend=f"free some, or {mend}")
    if disk.free < least:
        cost = f"a large bake may need {least // _GB} GB"
        return warn(name, text, cost=cost, mend=f"free some, or {mend}")
    if disk.remote:
        cost = "layers and locks do not work there; caches go to /var/tmp instead"
        return warn(name, text, cost=cost, mend=mend)
    return ok(name, text)


def runtime(path: Path, longest_socket: int) -> Finding:
    """The directory of sockets: private, and with a short path."""
    name, mend = "runtime", "name a short, private directory of yours in PDBUILD_RUNTIME_DIR"
    if path.exists():
        status = path.stat(follow_symlinks=False)
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            text = f"{path} is not a private directory of yours"
            return fail(name, text, cost="nothing can be built", mend=f"remove it, or {mend}")
    disk = look(path)
    if not disk.writable:
        return fail(name, f"{path} cannot be made", cost="nothing can be built", mend=mend)
    length = len(os.fsencode(path)) + longest_socket
    if length > place.SOCKET_BYTES:
        text = f"sockets below {path} would have paths of {length} bytes"
        return fail(name, text, cost=f"{place.SOCKET_BYTES} is what BuildKit takes", mend=mend)
    return ok(name, f"{path}, {disk.kind}")
