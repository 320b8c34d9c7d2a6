"""Images that a recipe starts from: collected, carried, and what a bake starts from then."""

from pathlib import Path

import pytest
from system import small

from pdbuild import carried, origin
from pdbuild.carried import Carried, Content, described
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Layout
from pdbuild.plan.types import Plan, Request
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve
from pdbuild.store import Store
from pdbuild.travel import images, parts

APP = 'project.name = "page"\napp = { name = "page", image = "localhost/squares:1.0" }\n'
BASE = """
project.name = "page"
base = { image = "registry.invalid/debian:trixie", bootstrap = false }
toolchain.blocks = []
build.hook = "./build.sh"
"""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.delenv(carried.VARIABLE, raising=False)


def planned(folder: Path, text: str) -> tuple[Recipe, Plan]:
    (folder / "pdbuild.toml").write_text(text)
    (folder / "build.sh").touch()
    recipe = load(folder / "pdbuild.toml", blocks_dir=folder)
    return recipe, resolve(recipe, Request())


def test_an_image_of_the_store_is_carried_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.own()
    for name in ("squares:1.0", "circles:1.0"):
        small.image(store, tmp_path / name, f"localhost/{name}", name.encode())
    recipe, plan = planned(tmp_path, APP)
    there = origin.contexts(recipe, plan, needed=True)
    found = images.collected(recipe, plan, there, tmp_path / "fetched")
    digest = there["localhost/squares:1.0"].rpartition("@")[2]
    (context,) = found.values()
    assert context.rpartition("@")[2] == digest
    paths = parts.bases(found.values())
    assert len([place for place in paths if "/blobs/" in place]) == 4  # with two layers
    assert not parts.bases(there.values())
    content = Content(project="page", machine="linux/amd64", files=described(paths))
    Carried(tmp_path / "there").add(content, paths)
    # Elsewhere, where the store is empty:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError, match="no image localhost/squares"):
        origin.contexts(recipe, plan, needed=True)
    monkeypatch.setenv(carried.VARIABLE, str(tmp_path / "there"))
    assert origin.contexts(recipe, plan, needed=False) == {}
    (context,) = origin.contexts(recipe, plan, needed=True).values()
    layout, _, named = context.removeprefix("oci-layout://").rpartition("@")
    assert named == digest and str(tmp_path / "elsewhere/bases/image-") in layout
    (manifest,) = Layout(Path(layout)).manifests(Layout(Path(layout)).describe(named))
    assert len(manifest.layers) == 2
    other, plan = planned(tmp_path, APP.replace("squares", "circles"))
    with pytest.raises(EngineError, match=r"does not have the image localhost/circles:1\.0"):
        origin.contexts(other, plan, needed=True)


def test_a_registrys_base_is_asked_for_by_its_name(tmp_path: Path) -> None:
    recipe, plan = planned(tmp_path, BASE)
    assert origin.references(recipe, plan) == ("registry.invalid/debian:trixie",)
    assert origin.contexts(recipe, plan, needed=True) == {}
    mirrored, plan = planned(tmp_path, f'{BASE}mirrors.registry = "mirror.invalid/hub"\n')
    assert origin.contexts(mirrored, plan, needed=True) == {
        "registry.invalid/debian:trixie": "docker-image://mirror.invalid/hub/debian:trixie"
    }
