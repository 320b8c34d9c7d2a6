"""Stands between Buildah and the container runtime: `runtime.py RUNTIME NOTES ARGUMENT...`.

Buildah deletes the mount points of a step afterwards. 1.28 deletes them even when the image had
them, with all that is in them; where the image has a link /lib, it takes /var/lib/apt for
/usr/lib/apt. So pdbuild names other mount points to Buildah (`elsewhere`), and here the real
ones are put back, in the configuration that the runtime reads.

The other way round, 1.39 leaves mount points behind that were made for a step. What the runtime
makes is removed here when the container is deleted, as BuildKit does. 1.43 makes those that it was
told of itself, before the runtime: here, these are removed at once.

Run as a program, once for each of the runtime's commands; it is isolated Python (`-I -S`) and
imports nothing of pdbuild. NOTES is a folder for what `create` has to tell `delete`.
"""

# pathlib's import would be half of the run:
# ruff: noqa: PTH103, PTH106, PTH107, PTH118, PTH123

import contextlib
import json
import os
import stat
import subprocess
import sys
from typing import Any

_PREFIX = "/.pdbuild-"
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_FLAGS = {os.ST_NOSUID: "nosuid", os.ST_NODEV: "nodev", os.ST_NOEXEC: "noexec"}
_LONGEST = 120  # a file's name has at most 255 bytes


def elsewhere(target: str) -> str:
    """The mount point to name to Buildah instead of `target`: no image has it."""
    if len(os.fsencode(target)) > _LONGEST or not target.startswith("/"):
        return target
    return _PREFIX + os.fsencode(target).hex()


def real(destination: str) -> str:
    """The mount point that `elsewhere` was given."""
    if not destination.startswith(_PREFIX):
        return destination
    return os.fsdecode(bytes.fromhex(destination.removeprefix(_PREFIX)))


def put_back(config: dict[str, Any]) -> None:
    """Give a container's configuration (runtime-spec, config.md) the real mount points."""
    mounts = config.get("mounts") or []
    moved = [mount for mount in mounts if mount["destination"].startswith(_PREFIX)]
    for mount in moved:
        mount["destination"] = real(mount["destination"])
    # Outer ones first, and all after those of the system, which may be outer too.
    moved.sort(key=lambda mount: mount["destination"].count("/"))
    config["mounts"] = [mount for mount in mounts if mount not in moved] + moved


def keep_flags(config: dict[str, Any]) -> None:
    """Give each bind mount the flags of the disk that it is of, if any: a home without setuid
    programs and devices. In a user namespace they may not be taken away, and a runtime that sets
    others, such as `ro`, takes them away unless it is told them (runc below 1.1.6).
    """
    for mount in config.get("mounts") or []:
        options = mount.get("options") or []
        if "bind" in options or "rbind" in options:
            with contextlib.suppress(OSError):
                flags = os.statvfs(mount["source"]).f_flag
                named = [name for flag, name in _FLAGS.items() if flags & flag]
                mount["options"] = [*options, *(name for name in named if name not in options)]


def missing(root: str, destinations: list[str]) -> list[str]:
    """The mount points, and folders above them, that the tree lacks: the outer ones first."""
    found: dict[str, None] = {}
    for destination in destinations:
        if f"{destination}/".startswith(_SYSTEM):  # BuildKit lets these stay, too
            continue
        here = root
        for part in filter(None, destination.split("/")):
            here = os.path.join(here, part)
            if here in found:
                continue
            try:
                if stat.S_ISLNK(os.lstat(here).st_mode):
                    break  # where it leads to is the runtime's business
            except FileNotFoundError:
                found[here] = None
    return list(found)


def create(arguments: list[str], notes: str) -> None:
    """Before `create`: put mount points back, and note what the runtime will make."""
    bundle = _option(arguments, "--bundle", "-b") or "."
    path = os.path.join(bundle, "config.json")
    with open(path) as file:
        config = json.load(file)
    root = os.path.join(bundle, config["root"]["path"])
    for mount in config.get("mounts") or []:
        if mount["destination"].startswith(_PREFIX):
            _remove_empty(root + mount["destination"])
    put_back(config)
    keep_flags(config)
    lacking = missing(root, [mount["destination"] for mount in config.get("mounts") or []])
    above = {os.path.dirname(path) for path in lacking} - set(lacking)  # noqa: PTH120
    times = {folder: _times(folder) for folder in above}
    os.makedirs(notes, exist_ok=True)
    with open(os.path.join(notes, arguments[-1]), "w") as file:
        json.dump({"lacking": lacking, "times": times}, file)
    with open(path, "w") as file:
        json.dump(config, file)


def delete(arguments: list[str], notes: str) -> None:
    """After `delete`: remove what the runtime made and the step left empty."""
    try:
        with open(os.path.join(notes, arguments[-1])) as file:
            noted = json.load(file)
    except FileNotFoundError:
        return
    os.remove(os.path.join(notes, arguments[-1]))
    for path in reversed(noted["lacking"]):
        _remove_empty(path)
    for folder, times in noted["times"].items():
        with contextlib.suppress(OSError):
            os.utime(folder, ns=(times[0], times[1]))


def _remove_empty(path: str) -> None:
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            os.rmdir(path)
        elif stat.S_ISREG(status.st_mode) and status.st_size == 0:
            os.remove(path)


def _times(path: str) -> list[int]:
    status = os.stat(path)  # noqa: PTH116
    return [status.st_atime_ns, status.st_mtime_ns]


def _option(arguments: list[str], *names: str) -> str:
    for index, word in enumerate(arguments):
        if word in names:
            return arguments[index + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return ""


def main(argv: list[str]) -> int:
    runtime, notes, *arguments = argv
    if "create" in arguments:
        create(arguments, notes)
    if "delete" not in arguments:
        os.execv(runtime, [runtime, *arguments])
    code = subprocess.run([runtime, *arguments], check=False).returncode
    delete(arguments, notes)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
