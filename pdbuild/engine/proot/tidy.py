"""What is not needed any more of the trees on the disk: each stage is a copy of what is below."""

import contextlib
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from pdbuild import dirs, programs
from pdbuild.engine import caches
from pdbuild.engine.proot import trees
from pdbuild.engine.proot.trees import Made

# Of one stage of a project: those before the newest, to which one goes back after a change.
_EARLIER = 2


def find() -> tuple[caches.Cache, ...]:
    """All that there is, for `pdbuild prune`."""
    return caches.find(dirs.local_dir("proot"), lambda path: path.with_name("lock"), _run)


def after_a_kill(folder: Path) -> None:
    """Remove what a build that was killed has left; the caller holds the lock."""
    for left in (*folder.glob("step-*"), *folder.glob("blobs/.partial-*")):
        remove(left)


def keep_newest(folder: Path, used: Collection[Path]) -> None:
    """Remove old trees, and layers that none has any more, but for the trees that are `used`."""
    kept: dict[str, int] = {}
    layers: set[str] = set()
    for made in sorted(_all(folder), key=_last_used, reverse=True):
        number = kept.setdefault(made.stage, 0)
        if made.folder not in used and number > _EARLIER:
            remove(made.folder)
            continue
        kept[made.stage] += 1
        layers.update(blob.digest.removeprefix("sha256:") for blob in made.layers or ())
    for blob in (folder / "blobs").iterdir():
        # That of a tree with steps in it is made anew when an image of it is written.
        if blob.name not in layers:
            blob.unlink()


def remove(path: Path) -> None:
    """Remove a tree, also where its own programs have left folders that nobody may write to."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for above, folders, _ in os.walk(path):
        for name in folders:
            inside = Path(above, name)
            if not inside.is_symlink():
                inside.chmod(0o700)
    shutil.rmtree(path)


def _all(folder: Path) -> list[Made]:
    found = (trees.read(path) for path in (folder / "trees").glob("*"))
    return [made for made in found if made]


def _last_used(made: Made) -> int:
    with contextlib.suppress(OSError):
        return (made.folder / "made.json").stat().st_mtime_ns
    return 0


def _run(words: Sequence[str]) -> programs.Done:
    if words[0] == "rm":
        programs.run("chmod", "--recursive", "u+rwX", words[-1])
    return programs.run(*words)
