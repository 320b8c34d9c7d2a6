"""Probes of the directories that pdbuild keeps its state in: where each is, on what, and why."""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pdbuild import mounts
from pdbuild.dirs import Chosen
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


def look(path: Path) -> Disk:
    """The disk of a directory that need not exist; nothing is made."""
    there = path
    while not there.exists():
        there = there.parent
    listed = mounts.text()
    real = os.path.realpath(there)
    return Disk(
        path=path,
        kind=mounts.filesystem(listed, real),
        options=mounts.options(listed, real),
        free=shutil.disk_usage(there).free,
        writable=os.access(there, os.W_OK | os.X_OK),
    )


def state(name: str, chosen: Chosen, disk: Disk, *, least: int) -> Finding:
    """The finding on a directory of state; `least` are the bytes that a bake may need."""
    text = f"{_told(disk)} ({chosen.why})"
    mend = f"name a directory on a local disk in {chosen.variable}"
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
    if chosen.moved:
        cost = "other nodes do not have what is there, and it may be cleared away"
        return warn(name, text, cost=cost, mend=mend)
    return ok(name, text)


def runtime(chosen: Chosen, longest_socket: int) -> Finding:
    """The directory of sockets: private, and with a short path."""
    path = chosen.path
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
    return ok(name, f"{path}, {disk.kind} ({chosen.why})")


def temporary() -> Finding:
    """Where small files go that nobody keeps."""
    path = tempfile.gettempdir()
    why = "TMPDIR" if os.environ.get("TMPDIR") else "the default"
    return ok("temporary", f"{_told(look(Path(path)))} ({why})")


def images(folder: Path, why: str) -> Finding:
    """Where podman keeps the images that `run` starts."""
    return ok("podman images", f"{_told(look(folder))} ({why})")


def environment(lines: tuple[str, ...]) -> tuple[Finding, ...]:
    """What the session's environment names that is not there, as `ground.settle` found it."""
    cost = "what other programs that read it make of it"
    mend = "correct or unset it where your session or your job sets it"
    return tuple(warn("environment", line, cost=cost, mend=mend) for line in lines)


def _told(disk: Disk) -> str:
    return f"{disk.path}, {disk.kind}, {disk.free / _GB:.0f} GB free"
