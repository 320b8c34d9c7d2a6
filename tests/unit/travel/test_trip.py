"""Export and import with an engine that only pretends."""

import contextlib
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pdbuild import baking, dirs, project
from pdbuild.choices import Choices, Options
from pdbuild.engine import layers
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.engine.layers import Layers
from pdbuild.errors import EngineError, UsageError
from pdbuild.travel import archive, trip
from pdbuild.travel.trip import Trip

RECIPE = """
[project]
name = "squares"
[base]
image = "registry.example.org/debian:trixie"
bootstrap = false
[toolchain]
blocks = ["gcc", "cmake", "ccache"]
"""


class Engine:
    """Yields two archives for whatever is built, and remembers what it was asked for."""

    name = "pretended"
    layers_in: tuple[str, ...] = ("folder",)

    def __init__(self) -> None:
        self.built: list[Build] = []
        self.brought: dict[str, bytes] = {}
        self.fails = False

    def identity(self) -> str:
        return self.name

    def check(self) -> None:
        pass

    def held(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def build(self, build: Build, view: Any) -> Built:
        self.built.append(build)
        (target,) = build.plan.targets
        if folder := build.definition.contexts.get("travelling"):
            self.brought = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        if self.fails:
            return Built(outputs=(), unfinished=(target,), error="no space left")
        layout = build.exports / target.name
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as tar:
            for number in range(3):
                entry = tarfile.TarInfo(f"{number}.tar")
                entry.size = 1
                tar.addfile(entry, io.BytesIO(str(number).encode()))
        layer = blob(layout, held.getvalue(), "layer.v1.tar")
        config = blob(layout, b"{}", "config.v1+json")
        manifest = {"schemaVersion": 2, "config": config, "layers": [layer]}
        manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
        top = blob(layout, json.dumps(manifest).encode(), "manifest.v1+json")
        (layout / "index.json").write_text(json.dumps({"manifests": [top]}))
        return Built(outputs=(Output(target=target, layout=layout, digest=str(top["digest"])),))

    def keep(self, build: Build, view: Any, where: Layers) -> None:
        assert where.folder
        where.folder.mkdir()
        (where.folder / "index.json").write_text(json.dumps({"manifests": []}))


def blob(layout: Path, data: bytes, kind: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    path = layout / "blobs/sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    media = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(baking, "engine_for", lambda options: made)
    return made


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Trip:
    move(monkeypatch, tmp_path / "one")
    root = tmp_path / "squares"
    root.mkdir()
    (root / "pdbuild.toml").write_text(RECIPE)
    monkeypatch.chdir(root)
    recipe = project.open_recipe(None)
    plan = project.plan_for(recipe, Choices())
    return Trip(recipe=recipe, plan=plan, options=Options())


def move(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(folder / kind.lower()))


def test_out_of_one_account_and_into_another(
    account: Trip, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cache.tar.zst"
    made = trip.export(account, out)
    assert made.parts == trip.PARTS and len(made.mounts) == 3
    assert [t.name for t in engine.built[0].plan.targets] == ["travel"]

    move(monkeypatch, tmp_path / "two")
    assert trip.bring(account, out) == made
    assert engine.brought == {"0.tar": b"0", "1.tar": b"1", "2.tar": b"2"}
    brought = layers.imported("squares")
    assert (brought / "index.json").exists() and brought.is_relative_to(tmp_path / "two")

    for place in ("one", "two"):
        left = [p.name for p in (tmp_path / place / "cache").iterdir() if "travel-" in p.name]
        assert not left
        assert not list((tmp_path / place / "data/exports").glob("*/travel/*"))


def test_only_what_is_asked_for(account: Trip, engine: Engine, tmp_path: Path) -> None:
    wanted = trip.parts_of(["objects"])
    some = Trip(recipe=account.recipe, plan=account.plan, options=Options(), wanted=wanted)
    made = trip.export(some, tmp_path / "out")
    assert made.parts == ("objects",) and [m.target for m in made.mounts] == ["/var/cache/ccache"]
    with archive.reading(tmp_path / "out") as (_, unpack):
        unpack(tmp_path / "files")
    files = [p for p in (tmp_path / "files").rglob("*") if p.is_file()]
    assert [str(p.relative_to(tmp_path / "files")) for p in files] == ["mounts/0.tar"]
    with pytest.raises(UsageError, match="'trees' is no part"):
        trip.parts_of(["layers", "trees"])


def test_what_is_of_another_machine_is_not_taken(
    account: Trip, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive.Content(project="squares", machine="linux/s390x", engine="x", parts=())
    archive.write(tmp_path / "out", content, {})
    with pytest.raises(UsageError, match="is of linux/s390x; this machine is linux/"):
        trip.bring(account, tmp_path / "out")


def test_a_step_that_fails_leaves_no_file(account: Trip, engine: Engine, tmp_path: Path) -> None:
    engine.fails = True
    with pytest.raises(EngineError, match="the cache mounts cannot be moved: no space left"):
        trip.export(account, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not [p for p in dirs.cache_dir().iterdir() if "travel-" in p.name]
