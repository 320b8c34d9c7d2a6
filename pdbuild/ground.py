"""Mends what a session's environment says of places that are not there, before anything is done.

Batch systems hand on variables of the node where a job was sent: HOME, XDG_RUNTIME_DIR and TMPDIR
may name what is missing here or belongs to somebody else. The programs that pdbuild starts read
them, and fail in words that name something else.
"""

import contextlib
import os
import pwd
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pdbuild import dirs
from pdbuild.errors import PdbuildError

_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


def settle() -> tuple[str, ...]:
    """Change the environment of this process; what was wrong, and what is used instead.

    Raises PdbuildError when there is nothing to use instead.
    """
    return (*_temporary(), *_home(), *_session())


def say(lines: tuple[str, ...]) -> None:
    """Say each of what `settle` found on stderr, once until a restart."""
    if not lines:
        return
    marks = dirs.runtime_dir() / "said"
    marks.mkdir(exist_ok=True)
    for line in lines:
        try:
            (marks / line.replace("/", "|")[:200]).touch(exist_ok=False)
        except FileExistsError:
            continue
        print(line, file=sys.stderr)


@contextlib.contextmanager
def ordinary_umask() -> Iterator[None]:
    """For programs that make what others see in a container: the roots of layers, mount points."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def usable(folder: str) -> bool:
    """Whether files can be made in a directory, and programs in it be started."""
    try:
        return (
            stat.S_ISDIR(os.stat(folder).st_mode)  # noqa: PTH116 - quick
            and os.access(folder, os.W_OK | os.X_OK)
            and not os.statvfs(folder).f_flag & os.ST_NOEXEC
        )
    except OSError:
        return False


def _home() -> list[str]:
    """A directory of this machine's for who has none; podman and others refuse to work without."""
    named = os.environ.get("HOME") or _by_passwd()
    if not os.environ.get("USER") and not _by_passwd():
        os.environ["USER"] = f"uid{os.getuid()}"  # podman wants a name, and takes any
    if named and Path(named).is_dir():
        return []
    home = dirs.make_local("home")
    os.environ["HOME"] = str(home)
    what = f"your home {named} is not there" if named else "you have no home"
    return [f"{what}: {home} is used"]


def _by_passwd() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _session() -> list[str]:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    if not named or dirs.is_own(named):
        return []
    del os.environ["XDG_RUNTIME_DIR"]
    there = Path(named).exists()
    return [f"XDG_RUNTIME_DIR={named} is {'not yours' if there else 'not there'}: it is not used"]


def _temporary() -> list[str]:
    named = next((os.environ[name] for name in _TEMPORARY if os.environ.get(name)), "")
    before = named or "/tmp"
    if usable(before):
        return []
    for name in _TEMPORARY:
        os.environ.pop(name, None)
    tempfile.tempdir = None  # Python remembers what it found
    instead = next((place for place in ("/tmp", "/var/tmp") if usable(place)), "")
    if not instead:
        raise PdbuildError(
            f"{before} cannot be used for temporary files, nor can /tmp and /var/tmp",
            hint="name a directory in TMPDIR in which programs can be written and started",
        )
    if instead != "/tmp":
        os.environ["TMPDIR"] = instead
    what = f"TMPDIR={named}" if named else before
    return [f"{what} {_flaw(before)}: {instead} is used"]


def _flaw(folder: str) -> str:
    if not Path(folder).is_dir():
        return "is not there"
    return "cannot be written" if not os.access(folder, os.W_OK | os.X_OK) else "is mounted noexec"
