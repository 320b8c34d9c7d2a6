"""What a bake is told by the driver, and what its results become."""

import json
import tarfile
from pathlib import Path

import pytest
from system.small import image

from pdbuild import definition, shipped
from pdbuild.docker import Docker, images
from pdbuild.engine.contract import Build
from pdbuild.engine.exporters import Layouts, ThroughDocker
from pdbuild.oci import Layout
from pdbuild.plan.types import Form, Request
from pdbuild.recipe.load import load
from pdbuild.resolve import resolve
from pdbuild.store import Store
from pdbuild.version import Version

ENGINE = Docker(version="26.1.5")
RECIPE = """
project.name = "x1"
options.FAST = { default = "ON", cmake = "FAST" }
variants.fast = { FAST = "ON", default = true }
image.command = ["x1"]
"""


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build of an image and of files, on a base that is a layout."""
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "pdbuild.toml").write_text(RECIPE)
    recipe = load(root / "pdbuild.toml", blocks_dir=shipped.toolchain_dir())
    plan = resolve(recipe, _request())
    store = Store(tmp_path / "store")
    digest = image(store, tmp_path / "base", "localhost/base:1", b"base")
    manifest = Layout(store.path).manifests(Layout(store.path).describe(digest))[0]
    contexts = {plan.base: f"oci-layout://{store.path}@{manifest.digest}", "hooks": "/hooks"}
    made = definition.write(plan, recipe="x", contexts=contexts, network={}, ca=None)
    return Build(plan=plan, definition=made, exports=tmp_path / "exports")


def _request() -> Request:
    return Request(version=Version("1.0"), targets=("image-fast", "binaries-fast"))


def test_every_target_has_a_layout_where_the_driver_can(build: Build) -> None:
    settings = list(Layouts().settings(build, build.plan.targets))
    assert [one.partition(",")[0] for one in settings] == [
        f"{target.name}.output=type=oci" for target in build.plan.targets
    ]


def test_docker_keeps_images_and_is_given_the_base(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(images, "load", lambda engine, layout, wanted: loaded.extend(wanted))
    settings = set(ThroughDocker(ENGINE).settings(build, build.plan.targets))
    (base,) = loaded
    assert base.startswith("localhost/pdbuild-base:")
    tar = build.exports / "binaries-fast" / "files.tar"
    assert settings == {
        "image-fast.output=type=docker",
        f"image-fast.contexts.{build.plan.base}=docker-image://{base}",
        f"binaries-fast.output=type=tar,dest={tar}",
        f"binaries-fast.contexts.{build.plan.base}=docker-image://{base}",
    }


def test_what_docker_has_made_becomes_layouts(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []

    def save(name: str, layout: Path) -> str:
        saved.append(name)
        return "sha256:saved"

    monkeypatch.setattr(images, "save", save)
    targets = {target.form: target for target in build.plan.targets}
    through = ThroughDocker(ENGINE)
    layout = tmp_path / "layout"
    layout.mkdir()
    told = {"containerimage.digest": "sha256:a", "containerimage.config.digest": "sha256:b"}
    assert through.digest(targets[Form.IMAGE], layout, told) == "sha256:saved"
    assert saved == ["sha256:b"]
    with tarfile.open(layout / "files.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("bin/x1"))
    digest = through.digest(targets[Form.FILES], layout, {})
    (manifest,) = Layout(layout).manifests(Layout(layout).describe(digest))
    config = Layout(layout).config(manifest)
    assert config.platform == targets[Form.FILES].platform
    assert json.loads((layout / "index.json").read_text())["manifests"][0]["digest"] == digest


def test_a_bake_that_failed_leaves_no_half_of_a_tar(build: Build, tmp_path: Path) -> None:
    (tmp_path / "files.tar").write_bytes(b"half")
    for target in build.plan.targets:
        assert ThroughDocker(ENGINE).digest(target, tmp_path, None) == ""
    assert not (tmp_path / "files.tar").exists()
