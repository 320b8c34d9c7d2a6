"""The compressed layers that pushes keep, as a whole."""

from pathlib import Path

from pdbuild import dirs, programs
from pdbuild.engine import caches


def folder() -> Path:
    """Where they are, or would be: a folder for each name of images."""
    return dirs.cache_path() / "push"


def find() -> tuple[caches.Cache, ...]:
    """Those of all names of images; a push holds the lock."""
    if not folder().is_dir():
        return ()
    return caches.find(folder(), lambda stage: stage / "lock", lambda words: programs.run(*words))
