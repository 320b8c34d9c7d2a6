"""Digests of paths in an image, by content: `treehash.py STORAGE DRIVER LAYER POINT PATH...`.

Run as a program inside the namespaces of the storage, where an image can be mounted (on POINT,
an empty folder) and every file be read; it is isolated Python (`-I -S`) and imports nothing of
pdbuild. Prints one JSON object of digests by path. A path that leads through a symbolic link is
left out.
"""

# pathlib's import would be half of the run:
# ruff: noqa: PTH110, PTH115, PTH118, PTH123, PTH208

import contextlib
import ctypes
import hashlib
import json
import os
import stat
import sys

_MS_RDONLY, _MS_NODEV = 1, 4  # include/uapi/linux/mount.h


def mounted(storage: str, driver: str, layer: str, point: str) -> str:
    """The root of a layer's file tree: mounted here, where nobody else sees it."""
    above = os.path.join(storage, driver)
    if driver != "overlay":
        return os.path.join(above, "dir", layer)
    own = os.path.join(above, layer)
    if not os.path.exists(os.path.join(own, "lower")):
        return os.path.join(own, "diff")
    # Short names, relative to the folder, as the storage has them: a mount's options end at 4 kB.
    os.chdir(above)
    with open(os.path.join(own, "link")) as link, open(os.path.join(own, "lower")) as lower:
        layers = f"l/{link.read().strip()}:{lower.read().strip()}"
    options = f"lowerdir={layers}" + (",userxattr" if _mapped() else "")
    mount = ctypes.CDLL(None, use_errno=True).mount
    words = [word.encode() for word in ("overlay", point, "overlay")]
    if mount(*words, _MS_RDONLY | _MS_NODEV, options.encode()):
        raise OSError(ctypes.get_errno(), f"overlay of {layer} cannot be mounted")
    return point


def digest(root: str, path: str) -> str:
    """A digest of what `path` is in the tree: names, types, modes, owners and content."""
    here = root
    for part in filter(None, path.split("/")):
        here = os.path.join(here, part)
        if stat.S_ISLNK(os.lstat(here).st_mode):
            return ""
    total = hashlib.sha256()
    _add(total, here, "")
    return total.hexdigest()


def _add(total: "hashlib._Hash", path: str, name: str) -> None:
    status = os.lstat(path)
    mode = status.st_mode
    total.update(
        f"{name}\0{mode:o}\0{status.st_uid}\0{status.st_gid}\0".encode("utf-8", "surrogateescape")
    )
    if stat.S_ISLNK(mode):
        total.update(os.fsencode(os.readlink(path)))
    elif stat.S_ISREG(mode):
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
        with contextlib.suppress(OSError):
            total.update(os.getxattr(path, "security.capability"))
    total.update(b"\0")
    if stat.S_ISDIR(mode):
        for child in sorted(os.listdir(path)):
            _add(total, os.path.join(path, child), f"{name}/{child}")


def _mapped() -> bool:
    with open("/proc/self/uid_map") as uids:
        return uids.read().split() != ["0", "0", "4294967295"]


def main(argv: list[str]) -> int:
    storage, driver, layer, point, *paths = argv
    root = mounted(storage, driver, layer, point)
    found = {}
    for path in paths:
        try:
            found[path] = digest(root, path)
        except FileNotFoundError:
            continue
    print(json.dumps({path: value for path, value in found.items() if value}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
