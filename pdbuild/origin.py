"""Images that a plan starts from and pdbuild does not make: a registry's base, an application's.

Each is the image store's, a registry's, or what was carried to where there is no network. A name
that gets no context is asked for by the engine.
"""

from hashlib import sha256

from pdbuild import base, carried, registries
from pdbuild.errors import UsageError
from pdbuild.plan.types import Plan
from pdbuild.platforms import native
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store


def references(recipe: Recipe, plan: Plan) -> tuple[str, ...]:
    """The images, as the plan's stages name them."""
    of_app = recipe.app.image if recipe.app else ""
    of_base = "" if recipe.base.bootstrap else plan.base
    return tuple(name for name in (of_base, of_app) if name)


def contexts(recipe: Recipe, plan: Plan, *, needed: bool) -> dict[str, str]:
    """The named contexts that are these images.

    Raises UsageError when one is `needed` that only the store can have, and it has not, and
    EngineError when one was not carried here.
    """
    found = {}
    for reference in references(recipe, plan):
        of_app = recipe.app is not None and reference == recipe.app.image
        if where := _context(recipe, plan, reference, needed=needed, stored=of_app):
            found[reference] = where
    return found


def folder(reference: str, digest: str) -> str:
    """The name of the folder in which such an image is carried; without a digest, its beginning."""
    key = sha256(reference.encode()).hexdigest()[:12]
    return f"image-{key}-{digest.removeprefix('sha256:')[:12]}"


def _context(recipe: Recipe, plan: Plan, reference: str, *, needed: bool, stored: bool) -> str:
    archive = carried.here()
    if stored:
        store = Store.own()
        if image := store.find(reference, native().name):
            return f"oci-layout://{store.path}@{image.manifest_digest}"
    if archive:
        return _carried(archive, plan, reference) if needed else ""
    if stored and needed and reference.startswith("localhost/"):
        raise UsageError(
            f"there is no image {reference} in the store, from which the application starts",
            hint="pdbuild images lists those that there are",
        )
    if recipe.mirrors.registry:
        return f"docker-image://{registries.mirrored(reference, recipe.mirrors.registry)}"
    return ""


def _carried(archive: carried.Carried, plan: Plan, reference: str) -> str:
    content = archive.of(plan.project)
    named = f"bases/{folder(reference, '')}"
    places = [file.place for file in content.files] if content else []
    found = next((place for place in places if place.startswith(named)), "")
    if not found:
        raise carried.lacking(archive, f"the image {reference}")
    return base.taken(archive, found.split("/")[1], f"the image {reference}").context
