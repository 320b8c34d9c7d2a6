"""Engines, bases and layers as files of an archive, and in their places again."""

from pathlib import Path

import pytest

from pdbuild.engine import layers
from pdbuild.travel import parts


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))


def filled(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_what_is_there_stays_and_layers_are_the_new_ones(tmp_path: Path) -> None:
    filled(tmp_path / "data", "engines/1f/bin/buildx", "bases/old/index.json")
    filled(layers.imported("squares"), "index.json", "blobs/sha256/old")
    brought = tmp_path / "brought"
    filled(brought, "engines/1f/bin/buildx", "bases/new/index.json", "layers/index.json")
    (brought / "engines/1f/bin/buildx").write_text("another")
    assert parts.put(brought, "squares") == ("bases", "layers")
    assert (tmp_path / "data/engines/1f/bin/buildx").read_text() == "engines/1f/bin/buildx"
    assert {path.name for path in (tmp_path / "data/bases").iterdir()} == {"old", "new", "lock"}
    assert [path.name for path in layers.imported("squares").rglob("*")] == ["index.json"]
    assert [cache.path for cache in layers.find()] == [layers.imported("squares")]


def test_the_files_of_bases_and_layers(tmp_path: Path) -> None:
    base = tmp_path / "data/bases/trixie"
    filled(base, "index.json", "blobs/sha256/ab")
    found = parts.bases([f"oci-layout://{base}@sha256:ab", "/hooks", "docker-image://x"])
    assert found == {
        "bases/trixie/index.json": base / "index.json",
        "bases/trixie/blobs/sha256/ab": base / "blobs/sha256/ab",
    }
    filled(tmp_path / "kept", "index.json", "index.json.lock", "ingest/.x")
    assert "layers/index.json" in parts.of_layers(tmp_path / "kept")
    assert parts.engines() == {}  # none have been built here
