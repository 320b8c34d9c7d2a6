"""Debian sid's Apptainer, for tests: Debian 12 has none.

It is unpacked with the libraries that it needs, which are newer than this machine's, and runs where
that folder is the root, in a namespace of the user's own.
"""

import fcntl
import shlex
from pathlib import Path

from packages import unpacked

from .project import Project

_KEPT = Path("/var/tmp/pdbuild-tests") / "apptainer-sid"
_PACKAGES = "apptainer,base-files,bubblewrap,coreutils,dash,libc-bin,squashfuse"
_OURS = ("/proc", "/sys", "/tmp", "/var/tmp")
_FILES = ("/etc/passwd", "/etc/group")
# Between who starts Apptainer and Apptainer itself is bwrap, which must not die of its signals.
_SIGNALS = "INT,TERM,HUP,QUIT,USR1,USR2"
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
    words = ["env", f"--ignore-signal={_SIGNALS}"]
    words += [f"{libraries}/ld-linux-x86-64.so.2", "--library-path", libraries]
    words += [f"{_KEPT}/usr/bin/bwrap", "--ro-bind", str(_KEPT), "/"]
    words += ["--dev-bind", "/dev", "/dev", "--dev-bind", str(fuse), "/dev/fuse"]
    for path in (*_OURS, *_FILES):
        words += ["--dev-bind", path, path]
    return [*words, "/usr/bin/env", f"--default-signal={_SIGNALS}", "/usr/bin/apptainer"]


def on_path(here: Project) -> dict[str, str]:
    """An environment in which the user has it as `apptainer`, for images that are folders."""
    words = shlex.join(apptainer(Path("/dev/fuse")))
    program = here.written("bin/apptainer", f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{here.user.env['PATH']}"}
