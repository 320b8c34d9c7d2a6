"""Images that a recipe starts from, as layouts that can be carried: of a registry, of the store."""

import shutil
from pathlib import Path

from pdbuild import oci, origin, registries
from pdbuild.choices import Access
from pdbuild.oci import Layout
from pdbuild.plan.types import Plan
from pdbuild.platforms import native
from pdbuild.recipe.types import Recipe
from pdbuild.transfer.access import opened
from pdbuild.transfer.skopeo import Skopeo, platform_words

_LAYOUT, _IMAGE = "oci-layout://", "docker-image://"


def collected(recipe: Recipe, plan: Plan, contexts: dict[str, str], folder: Path) -> dict[str, str]:
    """The images that a plan starts from, each for this machine in a layout below `folder`.

    They are returned as named contexts. Raises EngineError when a registry fails or refuses.
    """
    found = {}
    for reference in origin.references(recipe, plan):
        made = folder / origin.folder(reference, "").rstrip("-")
        source = contexts.get(reference, reference)
        if source.startswith(_LAYOUT):
            digest = _copied(source, made)
        else:
            digest = _pulled(source.removeprefix(_IMAGE), made)
        named = made.rename(folder / origin.folder(reference, digest))
        found[reference] = f"{_LAYOUT}{named}@{digest}"
    return found


def _copied(source: str, made: Path) -> str:
    path, _, digest = source.removeprefix(_LAYOUT).rpartition("@")
    layout = Layout(Path(path))
    top = layout.describe(digest)
    (made / "blobs" / "sha256").mkdir(parents=True)
    for blob in layout.reachable(top):
        shutil.copyfile(layout.blob(blob.digest), Layout(made).blob(blob.digest))
    oci.write_index(made, [{"mediaType": top.media_type, "digest": top.digest, "size": top.size}])
    return digest


def _pulled(reference: str, made: Path) -> str:
    full = registries.qualified(reference)
    host = registries.registry(full)
    with opened(host, Access()) as way:
        Skopeo(host=host).copy(
            *(*platform_words(native().name), "copy", "--quiet", *way.words("src")),
            *("--dest-oci-accept-uncompressed-layers", f"docker://{full}", f"oci:{made}"),
            failing=f"cannot fetch {full}",
        )
    (top,) = Layout(made).index()
    return top.digest
