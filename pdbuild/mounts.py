"""Which file system a path is on, read from the kernel's list of mounts."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

# No overlay upper layers, no chown to other ids, locks that another node does not see. Names as
# in /proc/self/mountinfo; fuse.* are added.
_REMOTE = frozenset(
    [
        "nfs", "nfs4", "lustre", "cifs", "smb3", "smbfs", "9p", "afs", "beegfs", "gpfs", "ceph",
        "panfs", "wekafs", "virtiofs", "fuse", "fuseblk",
    ]
)  # fmt: skip

# NFS 3 with `nolock`, Lustre, SMB: locks are this machine's alone.
_LOCAL_LOCKS = {"local_lock=all", "local_lock=flock", "localflock", "nobrl"}

_FLAGS = {os.ST_NOSUID: "nosuid", os.ST_NODEV: "nodev", os.ST_NOEXEC: "noexec"}


def text() -> str:
    """The list as the kernel gives it to this process."""
    return Path("/proc/self/mountinfo").read_text(errors="surrogateescape")


def remote(path: Path) -> str:
    """The type of the network or FUSE file system that `path` is on; "" when it is local."""
    kind = filesystem(text(), os.path.realpath(path))
    return kind if is_remote(kind) else ""


def is_remote(kind: str) -> bool:
    """Whether this type of file system is one of a network's, or of FUSE."""
    return kind in _REMOTE or kind.startswith("fuse.")


def locks_are_seen(path: Path) -> bool:
    """Whether another machine that has the file system of `path`, too, sees locks on its files.

    True for what is local.
    """
    return not _LOCAL_LOCKS & set(_mount(text(), os.path.realpath(path)).of_disk.split(","))


def filesystem(mounts: str, real: str) -> str:
    """The type of the file system of the absolute path `real`, by the text of mountinfo."""
    return _mount(mounts, real).kind


def options(mounts: str, real: str) -> frozenset[str]:
    """The options, such as `noexec`, of the mount that has the absolute path `real`."""
    return frozenset(_mount(mounts, real).options.split(","))


def kept(path: Path) -> tuple[str, ...]:
    """The options of the mount that has `path` which a read-only bind mount of it must repeat.

    In a user namespace they may not be taken away, and runc below 1.1.6 takes away what it is
    not told. No options for what is not there.
    """
    with contextlib.suppress(OSError):
        flags = os.statvfs(path).f_flag
        return tuple(name for flag, name in _FLAGS.items() if flags & flag)
    return ()


class _Mount(NamedTuple):
    kind: str = ""
    options: str = ""
    of_disk: str = ""  # those of the file system, wherever it is mounted


def _mount(mounts: str, real: str) -> _Mount:
    best, found = "", _Mount()
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        point = fields[4].replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # a later mount hides an earlier one
            kind, *_, of_disk = after.split()
            best, found = point, _Mount(kind, fields[5], of_disk)
    return found
