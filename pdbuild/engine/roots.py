"""BuildKit's roots as a whole: layers and cache mounts."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pdbuild import dirs, programs, tools
from pdbuild.engine import caches, launch, place
from pdbuild.engine.place import Place


def find() -> tuple[caches.Cache, ...]:
    """The roots of all BuildKit versions, also damaged ones."""
    return caches.find(dirs.local_dir("buildkit"), _lock_of, _run)


def _lock_of(root: Path) -> Path:
    label = root.name.partition("-")[0].removesuffix(".trial")
    return Place(folder=root.parent, label=label).lock


def _run(words: Sequence[str]) -> programs.Done:
    # Files of other ids, and overlay's work directories of mode 000: only the namespace's root
    # can read and delete them.
    mine = Place(folder=dirs.local_dir("buildkit"), label=f"inside-{os.getpid()}")
    run = place.run_directory(mine)
    run.mkdir(mode=0o700, exist_ok=True)
    env = {"HOME": str(Path.home()), "USER": launch.user()}
    try:
        return programs.run(
            *([] if os.getuid() == 0 else launch.wrapper(run)),
            *words,
            env=env | {"PATH": tools.search_path(), "XDG_RUNTIME_DIR": str(run)},
        )
    finally:
        shutil.rmtree(run, ignore_errors=True)
