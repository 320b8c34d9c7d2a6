"""Debian sid's Apptainer, for tests: Debian 12 has none.

It is unpacked with the libraries that it needs, which are newer than this machine's, and runs where
that folder is the root, in a namespace of the user's own.
"""

import fcntl
from pathlib import Path

from packages import unpacked

_KEPT = Path("/var/tmp/pdbuild-tests") / "apptainer-sid"
_PACKAGES = "apptainer,base-files,bubblewrap,coreutils,dash,libc-bin,squashfuse"
_OURS = ("/proc", "/sys", "/tmp", "/var/tmp")
_FILES = ("/etc/passwd", "/etc/group")
_EMPTY = ("/etc/hosts", "/etc/localtime", "/etc/resolv.conf")  # Apptainer wants them to be there


def apptainer(fuse: Path) -> list[str]:
    """The words that start it; `fuse` is a /dev/fuse that the user may open.

    It sees of the machine what is in /tmp and /var/tmp.
    """
    _KEPT.parent.mkdir(exist_ok=True)
    with _KEPT.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _KEPT.is_dir():
            partial = unpacked(_KEPT, "sid", _PACKAGES, "./*")
            partial.chmod(0o755)
            for file in (*_FILES, *_EMPTY):  # what is mounted needs a place
                (partial / file[1:]).touch()
            partial.rename(_KEPT)
    libraries = f"{_KEPT}/usr/lib/x86_64-linux-gnu"
    words = [f"{libraries}/ld-linux-x86-64.so.2", "--library-path", libraries]
    words += [f"{_KEPT}/usr/bin/bwrap", "--ro-bind", str(_KEPT), "/"]
    words += ["--dev-bind", "/dev", "/dev", "--dev-bind", str(fuse), "/dev/fuse"]
    for path in (*_OURS, *_FILES):
        words += ["--dev-bind", path, path]
    return [*words, "/usr/bin/apptainer"]
