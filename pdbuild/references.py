"""Images of the store by the names that people type: `paddle:0.1` is `localhost/paddle:0.1`."""

import difflib
from collections.abc import Iterable

from pdbuild.container import Image
from pdbuild.errors import UsageError
from pdbuild.plan.types import DEFINITION
from pdbuild.store import Store, StoredImage

LOCAL = "localhost/"


def find(store: Store, reference: str, platform: str = "") -> Image:
    """The image called `reference`; `localhost/` may be left out.

    Raises UsageError, with the names that are near, when the store has none.
    """
    stored = store.find(reference)
    if stored is None:
        raise _unknown(reference, (image.reference for image in store.images()))
    config = store.config(reference, platform)
    return Image(
        reference=stored.reference,
        project=stored.reference.rpartition("/")[2].rpartition(":")[0],
        workdir=config.workdir or "/work",
        is_dev=DEFINITION in stored.labels,
    )


def matching(images: Iterable[StoredImage], wanted: str) -> tuple[StoredImage, ...]:
    """The images of that reference, or with no tag all of that name.

    Raises UsageError, with the names that are near, when there is none.
    """
    images = tuple(images)
    full = wanted if wanted.startswith(LOCAL) else f"{LOCAL}{wanted}"
    names = (wanted, full)
    found = tuple(
        image
        for image in images
        if image.reference in names or image.reference.rpartition(":")[0] in names
    )
    if not found:
        raise _unknown(wanted, (image.reference for image in images))
    return found


def _unknown(reference: str, known: Iterable[str]) -> UsageError:
    names = sorted({name.removeprefix(LOCAL) for name in known})
    near = difflib.get_close_matches(reference.removeprefix(LOCAL), names, n=3, cutoff=0.5)
    hint = f"near it: {', '.join(near)}" if near else "pdbuild images lists those that there are"
    return UsageError(f"there is no image {reference} in the store", hint=hint)
