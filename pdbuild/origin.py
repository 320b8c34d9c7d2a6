"""The image from which an application starts, where it is no target of the same bake."""

from pdbuild import registries
from pdbuild.errors import UsageError
from pdbuild.platforms import native
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store


def contexts(recipe: Recipe, *, needed: bool) -> dict[str, str]:
    """The named context that is this image: of the image store, else of a mirror.

    Raises UsageError when it is `needed`, and only the store can have it, and has not.
    """
    reference = recipe.app.image if recipe.app else ""
    if not reference:
        return {}
    store = Store.own()
    if stored := store.find(reference, native().name):
        return {reference: f"oci-layout://{store.path}@{stored.manifest_digest}"}
    if needed and reference.startswith("localhost/"):
        raise UsageError(
            f"there is no image {reference} in the store, from which the application starts",
            hint="pdbuild images lists those that there are",
        )
    if recipe.mirrors.registry:
        mirrored = registries.mirrored(reference, recipe.mirrors.registry)
        return {reference: f"docker-image://{mirrored}"}
    return {}
