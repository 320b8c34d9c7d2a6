"""Those of pdbuild's functions that are about the image store, and what goes in and out of it.

See `functions`, which says what holds for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pdbuild.api import asked
from pdbuild.api.asked import Place, Project
from pdbuild.api.job import Job
from pdbuild.choices import Choices

if TYPE_CHECKING:
    from pdbuild.api.shipping import Pulled
    from pdbuild.store import StoredImage
    from pdbuild.transfer.push import Pushed


def images(name: str = "") -> tuple[StoredImage, ...]:
    """The images of the store, each platform's: all, that of a name and tag, or all of a name.

    Raises UsageError when there is none of that name.
    """
    from pdbuild import references
    from pdbuild.store import Store

    found = Store.own().images()
    return tuple(references.matching(found, name)) if name else found


def push(
    *images: str,
    to: str = "",
    project: Project = None,
    recipe: str | None = None,
    variants: Sequence[str] = (),
    ca: Place | None = None,
    insecure: bool = False,
) -> Job[tuple[Pushed, ...]]:
    """Push images of the store, or the recipe's production images of the present version.

    `to` is the repository, HOST/PATH, or what the recipe says. The job's events are Transfer and
    Notice. It raises UsageError before any work, and EngineError when the registry fails or
    refuses: no tag has changed then, or the message names it.
    """
    from pdbuild.api.shipping import Push

    choices, folder = Choices(variants=tuple(variants)), Path.cwd()
    if not (images and to):
        found = asked.recipe(project, recipe)
        choices, folder = asked.choices(found, (), variants, None, ()), Path(found.root)
    return Job(
        Push(images=images, choices=choices, to=to, access=asked.access(ca, insecure)), folder
    )


def pull(
    image: str, *, platform: str = "", ca: Place | None = None, insecure: bool = False
) -> Job[Pulled]:
    """Take HOST/PATH:TAG into the store, with all of its platforms or the one that is named.

    The job's events are Transfer and Notice. It raises as `push` does.
    """
    from pdbuild.api.shipping import Pull

    work = Pull(image=image, platform=platform, access=asked.access(ca, insecure))
    return Job(work, Path.cwd())


def save(
    *images: str,
    out: Place,
    format: Literal["oci", "docker", "dir", "squashfs", "sif", "bundle"] = "oci",
    platform: str = "",
) -> Job[tuple[str, ...]]:
    """Write images of the store to `out`, as `pdbuild save` does; their references.

    The job raises UsageError for what is not there, or is there already.
    """
    from pdbuild.api.shipping import Save

    work = Save(images=images, out=Path(out).absolute(), format=format, platform=platform)
    return Job(work, Path.cwd())


def load_images(path: Place) -> Job[tuple[str, ...]]:
    """Take images into the store from what `save`, podman or docker wrote; their references.

    The job raises UsageError for what is no such file or folder.
    """
    from pdbuild.api.shipping import Load

    return Job(Load(path=Path(path).absolute()), Path.cwd())
