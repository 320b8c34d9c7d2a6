"""Buildah's storages as a whole: images, layers and cache mounts."""

from collections.abc import Sequence

from pdbuild import account, dirs, programs, tools
from pdbuild.engine import caches
from pdbuild.engine.buildah.place import inside


def find() -> tuple[caches.Cache, ...]:
    """The storages of all Buildah versions, also damaged ones."""
    return caches.find(dirs.local_dir("buildah"), lambda folder: folder / "lock", _run)


def _run(words: Sequence[str]) -> programs.Done:
    one_id = account.find().one_id
    return programs.run(*inside(*words, one_id=one_id), env={"PATH": tools.search_path()})
