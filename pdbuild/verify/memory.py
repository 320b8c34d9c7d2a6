"""What was read in files, remembered by their content: most of an image is as it was before."""

import contextlib
import hashlib
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

from pdbuild import dirs, looks, whole

_DAYS = 30
_READERS = ("capstone", "pyelftools")


def recall(what: str, digest: str) -> Any:
    """What was kept of a file by its digest; None when nothing was. `what` says of which kind."""
    path = _path(what, digest)
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_bytes())
    return None


def knows(what: str, digest: str) -> bool:
    """Whether `recall` has something."""
    return _path(what, digest).exists()


def keep(what: str, digest: str, told: Any) -> None:
    """Keep it, as JSON; a disk that takes no more costs time the next time, and nothing else."""
    with contextlib.suppress(OSError):
        path = _path(what, digest)
        path.parent.mkdir(exist_ok=True)
        whole.write(path, json.dumps(told))


def tidy() -> None:
    """Remove what is older than a month: at most it is read again."""
    oldest = time.time() - _DAYS * 86400
    with contextlib.suppress(OSError):
        for path in _folder().iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


@cache
def pdbuild() -> str:
    """This pdbuild, as a digest: another may find something else in the same."""
    return looks.source(Path(__file__).parents[1])


@cache
def _readers() -> str:
    from importlib.metadata import version

    return " ".join((pdbuild(), *map(version, _READERS)))


def _path(what: str, digest: str) -> Path:
    key = hashlib.sha256(f"{what}\0{digest}\0{_readers()}".encode()).hexdigest()[:32]
    return _folder() / f"{key}.json"


def _folder() -> Path:
    return dirs.cache_dir() / "verified-files"
