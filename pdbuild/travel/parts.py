"""What an account needs besides cache mounts: engines, bases and layers, as files of an archive."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pdbuild import locks, tools
from pdbuild.dirs import data_dir
from pdbuild.engine import layers
from pdbuild.store import Store

ENGINES, BASES, LAYERS = "engines", "bases", "layers"
_LAYOUT = "oci-layout://"


def engines() -> dict[str, Path]:
    """The files of the engines that pdbuild has built, by their names in an archive."""
    installed = tools.installed()
    return _below(installed, f"{ENGINES}/{installed.name}") if installed else {}


def bases(contexts: Iterable[str]) -> dict[str, Path]:
    """The files of the bases among these named contexts."""
    store = Store.own().path
    found: dict[str, Path] = {}
    for context in contexts:
        if context.startswith(_LAYOUT):
            layout = Path(context.removeprefix(_LAYOUT).rpartition("@")[0])
            if layout != store:  # which has other images, too
                found |= _below(layout, f"{BASES}/{layout.name}")
    return found


def of_layers(folder: Path) -> dict[str, Path]:
    """The files of the layers that an engine has kept in a folder."""
    return _below(folder, LAYERS)


def put(brought: Path, project: str) -> tuple[str, ...]:
    """Put what was unpacked of an archive in its place; which parts were new.

    What is there already stays; layers take the place of the earlier ones.
    """
    new = []
    for part in (ENGINES, BASES):
        above = data_dir() / part
        for folder in sorted((brought / part).glob("*")):
            above.mkdir(parents=True, exist_ok=True)
            with locks.alone(above / "lock"):
                if not (above / folder.name).exists():
                    # What is there is whole, also where the cache is on another disk.
                    partial = above / f".partial-{folder.name}"
                    shutil.rmtree(partial, ignore_errors=True)
                    shutil.move(folder, partial)
                    partial.rename(above / folder.name)
                    new.append(part)
    if (brought / LAYERS).is_dir():
        place = layers.imported(project)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        (brought / LAYERS).rename(place)
        new.append(LAYERS)
    return tuple(dict.fromkeys(new))


def _below(folder: Path, name: str) -> dict[str, Path]:
    found: Mapping[str, Path] = {
        f"{name}/{os.fspath(path.relative_to(folder))}": path
        for path in folder.rglob("*")
        if path.is_file() and path.name[0] != "." and path.suffix != ".lock" and path.name != "lock"
    }
    return dict(found)
