"""Where pdbuild keeps its state: cache, data and runtime directories of this user.

Each can be moved by an environment variable. What cannot be where it belongs, because nothing can
be written there or two pdbuilds could not wait for each other, goes to a directory of this
machine's own, and so do the parts that need a local disk (`local_dir`); that is said when such a
directory is made.
"""

import fcntl
import os
import stat
import sys
import tempfile
from dataclasses import dataclass, replace
from errno import ENOLCK, ENOSYS, EOPNOTSUPP
from functools import cache
from pathlib import Path

from pdbuild import mounts
from pdbuild.errors import EngineError, PdbuildError


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A directory of state, and why it is this one. `moved` says why it is not the one `wanted`.

    `variable` names another one.
    """

    path: Path
    why: str
    variable: str
    wanted: Path
    moved: str = ""


def cache_dir() -> Path:
    """Engine roots, bases and downloads: may be deleted, and is then made again.

    `PDBUILD_CACHE_DIR`, else below `$XDG_CACHE_HOME`, which is `~/.cache`.
    """
    return _made(chosen_cache())


def data_dir() -> Path:
    """Engines, the image store and build records. `PDBUILD_DATA_DIR` moves it."""
    return _made(chosen_data())


def local_dir(name: str) -> Path:
    """The folder `name` below the cache directory, or on a local disk when that is on another.

    Raises EngineError when there is no local disk for it.
    """
    return _made(chosen_local(name), private=True)


def machine_dir() -> Path:
    """What was found out of this machine, and locks of what is on it: on a local disk, too."""
    return _made(chosen_local("machine"), private=True, say=False)


def machine_path() -> Path:
    """Where `machine_dir` is, or would be; nothing is made."""
    return chosen_local("machine").path


def runtime_dir() -> Path:
    """Sockets and locks of running processes: short path, private, gone after a reboot.

    `PDBUILD_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/pdbuild`, else `/tmp/pdbuild-UID`; sockets
    below it must stay under 104 bytes (BuildKit's limit).

    Raises PdbuildError when the directory belongs to somebody else or others may enter it.
    """
    path = runtime_path()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(path):
        raise PdbuildError(
            f"{path} is not a private directory of yours",
            hint="remove it, or name another in PDBUILD_RUNTIME_DIR",
        )
    return path


def cache_path() -> Path:
    """Where `cache_dir` is, or would be; nothing is made where it belongs."""
    return _path(chosen_cache())


def data_path() -> Path:
    """Where `data_dir` is, or would be; nothing is made where it belongs."""
    return _path(chosen_data())


def runtime_path() -> Path:
    """Where `runtime_dir` is, or would be; nothing is made or checked."""
    return chosen_runtime().path


def chosen_cache() -> Chosen:
    """Where the cache is, and why."""
    return _chosen("PDBUILD_CACHE_DIR", "XDG_CACHE_HOME", "user_cache_dir", node_local())


def chosen_data() -> Chosen:
    """Where the data are, and why."""
    return _chosen("PDBUILD_DATA_DIR", "XDG_DATA_HOME", "user_data_dir", node_local() / "data")


def chosen_local(name: str) -> Chosen:
    """Where `local_dir` has the folder `name`, and why."""
    above = chosen_cache()
    wanted = above.path / name
    kind = _remote(wanted)
    if not kind:
        return replace(above, path=wanted, wanted=wanted)
    moved = f"{wanted} is on {kind}, and it needs a local disk"
    return replace(above, path=node_local() / name, why=moved, moved=moved, wanted=wanted)


def chosen_runtime() -> Chosen:
    """Where sockets are, and why."""
    variable = "PDBUILD_RUNTIME_DIR"
    if named := os.environ.get(variable):
        return _as_wanted(Path(named), variable, variable)
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if is_own(session):
        return _as_wanted(Path(session, "pdbuild"), "XDG_RUNTIME_DIR", variable)
    path = Path(tempfile.gettempdir(), f"pdbuild-{os.getuid()}")
    if path == node_local():
        path /= "run"
    return _as_wanted(path, "there is no XDG_RUNTIME_DIR of yours", variable)


def is_own(folder: str) -> bool:
    """Whether this is a directory of the user's in which files can be made."""
    try:
        mine = bool(folder) and os.stat(folder).st_uid == os.getuid()  # noqa: PTH116 - quick
    except OSError:
        return False
    return mine and os.access(folder, os.W_OK | os.X_OK)


def node_local() -> Path:
    """This user's directory on this machine's own disk, for what cannot be elsewhere."""
    return Path("/var/tmp", f"pdbuild-{os.getuid()}")


def make_local(name: str) -> Path:
    """The folder `name` of this user on this machine's own disk. Raises EngineError."""
    _make_private(node_local(), "PDBUILD_CACHE_DIR")
    folder = node_local() / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _chosen(variable: str, base: str, name: str, instead: Path) -> Chosen:
    if named := os.environ.get(variable):
        path = Path(named).absolute()
        # What the user names is not second-guessed, unless two would ruin each other's files.
        return _settled(path, variable, variable, instead, named=True)
    import platformdirs

    path = Path(str(getattr(platformdirs, name)("pdbuild", appauthor=False))).absolute()
    why = base if os.environ.get(base, "").strip() else "the default"
    return _settled(path, why, variable, instead, named=False)


@cache
def _settled(wanted: Path, why: str, variable: str, instead: Path, *, named: bool) -> Chosen:
    there = next(place for place in (wanted, *wanted.parents) if os.path.lexists(place))
    moved = ""
    if not named and not os.access(there, os.W_OK | os.X_OK):
        moved = f"{there} cannot be written"
    elif (kind := _remote(there)) and (flaw := _flaw_of_locks(there)):
        moved = f"{wanted} is on {kind}, {flaw}"
    if not moved:
        return _as_wanted(wanted, why, variable)
    return Chosen(path=instead, why=moved, variable=variable, wanted=wanted, moved=moved)


def _as_wanted(path: Path, why: str, variable: str) -> Chosen:
    return Chosen(path=path, why=why, variable=variable, wanted=path)


@cache
def _remote(path: Path) -> str:
    return mounts.remote(path)


def _flaw_of_locks(folder: Path) -> str:
    """Why two pdbuilds at once would write into one store there without knowing of each other."""
    if _refuses_locks(folder):
        return "which refuses locks"
    return "" if mounts.locks_are_seen(folder) else "whose locks other machines do not see"


def _refuses_locks(folder: Path) -> bool:
    """Whether there are no locks (Lustre without `flock`, NFS without its lock daemon)."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (ENOLCK, ENOSYS, EOPNOTSUPP)
    return False


def _path(chosen: Chosen) -> Path:
    # Whoever makes it without us would not know that /var/tmp is everybody's.
    return _made(chosen) if chosen.moved else chosen.path


def _made(chosen: Chosen, *, private: bool = False, say: bool = True) -> Path:
    if chosen.path.is_dir():
        return chosen.path
    if chosen.moved:
        _make_private(node_local(), chosen.variable)
    try:
        chosen.path.parent.mkdir(parents=True, exist_ok=True)
        chosen.path.mkdir(mode=0o700 if chosen.moved or private else 0o777)
    except FileExistsError:
        pass  # by another pdbuild just now; or a file, which whoever writes there will hear of
    except OSError as error:
        raise PdbuildError(
            f"{error.filename}: {error.strerror}",
            hint=f"name another directory in {chosen.variable}",
        ) from error
    else:
        if chosen.moved and say:
            print(f"{chosen.moved}: {chosen.path} is used", file=sys.stderr)
    return chosen.path


def _make_private(path: Path, variable: str) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(path):
        raise EngineError(
            f"{path} is not a private directory of yours",
            hint=f"name a directory on a local disk in {variable}",
        )
    if kind := mounts.remote(path):
        raise EngineError(
            f"the build cache needs a local disk; {path} is on {kind}",
            hint=f"name a directory on a local disk in {variable}",
        )


def _is_private(path: Path) -> bool:
    status = path.stat(follow_symlinks=False)
    private = stat.S_ISDIR(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
    return private and status.st_uid == os.getuid()
