"""Remembers which image `run` found up to date, so that it starts at once while that is so.

To find an image up to date takes the recipe, its plan and a look at all that decides the image;
loading what does that takes longer than podman needs to start a container. So what was looked at
is noted, with how it looked. As long as all of it looks the same, the answer is the same; else it
is found out again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pdbuild import looks, source, whole
from pdbuild.choices import Choices
from pdbuild.container import Image
from pdbuild.context import content, ignore
from pdbuild.dirs import cache_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was looked at since the moment `since` (nanoseconds).

    `parts` are (folder, path in it, text of a .dockerignore), `recipes` the folders whose TOML
    files count, also those that are not there yet. `tree` is what git describes.
    """

    since: int
    parts: tuple[tuple[str, str, str], ...]
    recipes: tuple[str, ...]
    tree: str


def recall(choices: Choices, runtime: str) -> Image | None:
    """The image that these choices meant in this folder, if it is up to date for certain.

    What ran by another runtime does not count: this one may not have it.
    """
    try:
        noted = json.loads(_memory(choices, runtime).read_bytes())
        if noted["seen"] != _seen(Looked(**noted["looked"])):
            return None
        return Image(**noted["image"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remember(choices: Choices, image: Image, looked: Looked, runtime: str) -> None:
    """Note that `image` was found up to date; not when something has just changed."""
    listed = [entry for listing in _listings(looked) for _, entry in listing.entries]
    if any(max(e.st_mtime_ns, e.st_ctime_ns) >= looked.since - content.TICK for e in listed):
        return
    # As JSON has it: tuples become lists.
    noted = {"image": asdict(image), "looked": asdict(looked), "seen": _seen(looked)}
    memory = _memory(choices, runtime)
    memory.parent.mkdir(exist_ok=True)
    whole.write(memory, json.dumps(noted))


def file(path: Path) -> tuple[str, str, str]:
    """A single file, or one that is not there, as a part."""
    return (str(path.parent), path.name, "")


def _memory(choices: Choices, runtime: str) -> Path:
    asked = f"{Path.cwd()}\0{choices!r}\0{os.environ.get('PDBUILD_DATA_DIR', '')}"
    asked += f"\0{runtime}"
    return cache_dir() / "runs" / f"{hashlib.sha256(os.fsencode(asked)).hexdigest()[:32]}.json"


def _seen(looked: Looked) -> dict[str, Any]:
    git = source.asked(Path(looked.tree))  # it looks while we do
    seen = {
        "pdbuild": looks.source(Path(__file__).parent),
        "looks": [content.look(listing, looked.since) for listing in _listings(looked)],
        "recipes": [[path.name for path in _tomls(folder)] for folder in looked.recipes],
    }
    return seen | {"git": git.communicate()[0].decode(errors="replace") if git else ""}


def _listings(looked: Looked) -> Iterator[content.Listing]:
    for root, part, ignored in looked.parts:
        yield content.listing(Path(root), part, ignore.parse(ignored))
    nothing = ignore.parse("")
    for folder in looked.recipes:
        for path in _tomls(folder):
            yield content.listing(path.parent, path.name, nothing)


def _tomls(folder: str) -> Iterable[Path]:
    try:
        return sorted(Path(folder).glob("*.toml"))
    except OSError:
        return ()
