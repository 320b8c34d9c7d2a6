"""What is not needed any more of the trees on the disk: each stage is a copy of what is below."""

import contextlib
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
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
    numbers: dict[str, int] = {}
    kept, old = [], []
    for made in sorted(_all(folder), key=_last_used, reverse=True):
        number = numbers.setdefault(made.stage, 0)
        if made.folder in used or number <= _EARLIER:
            numbers[made.stage] += 1
            kept.append(made)
        else:
            old.append(made)
    needed = {made.root.parent for made in kept}
    for made in old:
        if made.folder in needed:
            kept.append(made)
        else:
            remove(made.folder)
    layers = {b.digest.removeprefix("sha256:") for made in kept for b in made.layers or ()}
    for blob in (folder / "blobs").iterdir():
        # That of a tree with steps in it is made anew when an image of it is written.
        if blob.name not in layers:
            blob.unlink()


def only(made: Made, paths: tuple[str, ...] | None) -> Made:
    """Remove all of a stage's tree but these paths, None being all."""
    if paths is None or made.shares or not all(_movable(made.root, path) for path in paths):
        return made
    rest = made.folder / "rest"
    made.root.rename(rest)
    made.root.mkdir()
    for path in sorted(paths):
        source, target = (root / path.strip("/") for root in (rest, made.root))
        if os.path.lexists(source):  # or it was moved, with what it is in
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
    remove(rest)
    return replace(made, kept=paths)


def _movable(root: Path, path: str) -> bool:
    """Whether a path can be moved: it is not all, not behind a link, and not write-protected."""
    place = root / path.strip("/")
    between = place.parents[: len(place.relative_to(root).parts)]
    movable = place.is_symlink() or not place.is_dir() or os.access(place, os.W_OK)
    return place != root and movable and not any(above.is_symlink() for above in between)


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
