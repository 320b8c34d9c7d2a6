"""Where pdbuild keeps its state: cache, data and runtime directories of this user.

Each can be moved by an environment variable and must be on a local disk.
"""

import os
import stat
import tempfile
from pathlib import Path

from pdbuild.errors import PdbuildError


def cache_dir() -> Path:
    """Engine roots, bases and downloads: may be deleted, and is then made again.

    `PDBUILD_CACHE_DIR`, else below `$XDG_CACHE_HOME`, which is `~/.cache`.
    """
    return _made(cache_path())


def data_dir() -> Path:
    """Engines, the image store and build records. `PDBUILD_DATA_DIR` moves it."""
    return _made(data_path())


def runtime_dir() -> Path:
    """Sockets and locks of running processes: short path, private, gone after a reboot.

    `PDBUILD_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/pdbuild`, else `/tmp/pdbuild-UID`; sockets
    below it must stay under 104 bytes (BuildKit's limit).

    Raises PdbuildError when the directory belongs to somebody else or others may enter it.
    """
    path = runtime_path()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PdbuildError(
            f"{path} is not a private directory of yours",
            hint="remove it, or name another in PDBUILD_RUNTIME_DIR",
        )
    return path


def cache_path() -> Path:
    """Where `cache_dir` is, or would be; nothing is made."""
    return _absolute(os.environ.get("PDBUILD_CACHE_DIR") or _platform("user_cache_dir"))


def data_path() -> Path:
    """Where `data_dir` is, or would be; nothing is made."""
    return _absolute(os.environ.get("PDBUILD_DATA_DIR") or _platform("user_data_dir"))


def runtime_path() -> Path:
    """Where `runtime_dir` is, or would be; nothing is made or checked."""
    chosen = os.environ.get("PDBUILD_RUNTIME_DIR")
    if chosen:
        return Path(chosen)
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = bool(session) and os.access(session, os.W_OK)
    return Path(session, "pdbuild") if usable else _shared()


def _shared() -> Path:
    return Path(tempfile.gettempdir(), f"pdbuild-{os.getuid()}")


def _platform(name: str) -> str:
    import platformdirs

    return str(getattr(platformdirs, name)("pdbuild", appauthor=False))


def _absolute(path: str) -> Path:
    return Path(path).absolute()


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
