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

    `PDBUILD_CACHE_DIR`, else the platform's user cache directory.
    """
    return _made(os.environ.get("PDBUILD_CACHE_DIR") or _platform("user_cache_dir"))


def data_dir() -> Path:
    """Engines, the image store and build records. `PDBUILD_DATA_DIR` moves it."""
    return _made(os.environ.get("PDBUILD_DATA_DIR") or _platform("user_data_dir"))


def runtime_dir() -> Path:
    """Sockets and locks of running processes: short path, private, gone after a reboot.

    `PDBUILD_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/pdbuild`, else `/tmp/pdbuild-UID`; sockets
    below it must stay under 104 bytes (BuildKit's limit).

    Raises PdbuildError when the directory belongs to somebody else or others may enter it.
    """
    chosen = os.environ.get("PDBUILD_RUNTIME_DIR")
    if not chosen:
        session = os.environ.get("XDG_RUNTIME_DIR", "")
        usable = bool(session) and os.access(session, os.W_OK)
        shared = Path(tempfile.gettempdir(), f"pdbuild-{os.getuid()}")
        chosen = str(Path(session, "pdbuild") if usable else shared)
    path = Path(chosen)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PdbuildError(
            f"{path} is not a private directory of yours",
            hint="remove it, or name another in PDBUILD_RUNTIME_DIR",
        )
    return path


def _platform(name: str) -> str:
    import platformdirs

    return str(getattr(platformdirs, name)("pdbuild", appauthor=False))


def _made(path: str) -> Path:
    made = Path(path).absolute()
    made.mkdir(parents=True, exist_ok=True)
    return made
