"""Probes of what the kernel and the administrator allow this account."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from pdbuild import tools
from pdbuild.account import Account, Rung, namespaces
from pdbuild.doctor.finding import Finding, fail, ok, warn
from pdbuild.engine import overlay as kernel_overlay

_WHOLE = 65536  # ids that an image may name: 65534 is nobody

_RUNGS = {
    Rung.A: "everything works",
    Rung.B: "every file in an image belongs to root, and programs in containers run as root",
    Rung.C: "nothing can be built or run here; with proot it can, slowly",
}


def user_namespaces(account: Account) -> Finding:
    """The rung, and why it is no better one."""
    text = f"rung {account.rung}: {account.why}"
    if account.rung is Rung.A:
        return ok("namespaces", text)
    if account.rung is Rung.C and tools.find("proot"):
        cost = (
            "steps and programs run by proot, several times slower, and bases come from elsewhere"
        )
        return warn("namespaces", text, cost=cost, mend=account.hint)
    kind = warn if account.rung is Rung.B else fail
    return kind("namespaces", text, cost=_RUNGS[account.rung], mend=account.hint)


def subordinate_ids() -> Finding:
    """How many user and group ids the account may give out."""
    if os.getuid() == 0:
        return ok("subuid", "not needed by root")
    found = namespaces.ranges()
    counts = [sum(count for _, count in spans) for spans in (found.uids, found.gids)]
    text = f"{counts[0]} user ids, {counts[1]} group ids"
    if min(counts) >= _WHOLE:
        return ok("subuid", text)
    cost = "files in images that belong to other ids lose their owners or do not unpack"
    from pdbuild.account import grant

    return warn("subuid", text, cost=cost, mend=grant.range_command())


def id_mappers() -> Finding:
    """newuidmap and newgidmap, which give out the subordinate ids."""
    if os.getuid() == 0:
        return ok("newuidmap", "not needed by root")
    cost = "subordinate ids cannot be used"
    for name in ("newuidmap", "newgidmap"):
        path = namespaces.program(name)
        if path is None:
            return warn("newuidmap", f"{name} is missing", cost=cost, mend=tools.hint(name))
        # Instead of the bit some distributions give it a capability, an extended attribute.
        with contextlib.suppress(OSError):
            if not path.stat().st_mode & 0o4000 and not os.getxattr(path, "security.capability"):
                raise OSError
            continue
        mend = f"ask the administrator for: chmod u+s {path}"
        return warn("newuidmap", f"{path} is not setuid root", cost=cost, mend=mend)
    return ok("newuidmap", "newuidmap and newgidmap are setuid root")


def overlay(folder: Path, account: Account) -> Finding:
    """The best way to stack layers on the disk of `folder`: the kernel, fuse, or copying."""
    if account.rung is Rung.C:
        return ok("overlay", "not tried without user namespaces")
    said = _mounted(folder)
    if not said:
        return ok("overlay", f"the kernel's, on {folder}")
    if shutil.which("fuse-overlayfs", path=tools.search_path()) and _opens_fuse():
        return ok("overlay", f"fuse-overlayfs; the kernel's own fails: {said}")
    return warn(
        "overlay", f"none on {folder}: {said}",
        cost="layers are copied whole (vfs): slow, and several times the space",
        mend="name a directory on a local ext4 or xfs disk in PDBUILD_CACHE_DIR, or ask for a "
        "kernel of 5.13 or newer",
    )  # fmt: skip


def fuse() -> Finding:
    """/dev/fuse, which only matters where the kernel's overlay does not work."""
    if _opens_fuse():
        return ok("/dev/fuse", "can be opened")
    return ok("/dev/fuse", "cannot be opened; it is needed only where overlay fails")


def cgroups() -> Finding:
    """Which cgroups there are, and whether a container runtime is there that knows them."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return ok("cgroups", "version 2")
    runc = namespaces.program("runc")
    text = "version 1" + (", hybrid" if (root / "unified").exists() else "")
    if runc:
        return ok("cgroups", f"{text}; runc knows them")
    return warn(
        "cgroups", f"{text}, which crun refuses, and there is no runc",
        cost="no container runs", mend="ask the administrator for: apt install runc",
    )  # fmt: skip


def _mounted(folder: Path) -> str:
    """Try an overlay mount in a folder of its own; "" when it works, else what mount said."""
    while not folder.exists():
        folder = folder.parent
    try:
        trial = Path(tempfile.mkdtemp(prefix=".pdbuild-overlay-", dir=folder))
    except OSError as error:
        return str(error)
    user = ["--user", "--map-root-user"] if os.getuid() else []
    environment = {"PATH": tools.search_path(), "LC_ALL": "C"}
    return kernel_overlay.refused(trial, ["unshare", *user, "--mount"], environment)


def _opens_fuse() -> bool:
    return os.access("/dev/fuse", os.R_OK | os.W_OK)
