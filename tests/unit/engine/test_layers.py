"""Where layers are kept for others."""

import json
from pathlib import Path

import pytest

from pdbuild.engine import layers
from pdbuild.engine.layers import Layers
from pdbuild.errors import UsageError


def test_a_folder_or_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert layers.parse("/net/layers") == Layers(folder=Path("/net/layers"))
    assert layers.parse("./layers") == Layers(folder=tmp_path / "layers")
    assert layers.parse("registry.example.org:5000/team/cache") == Layers(
        repository="registry.example.org:5000/team/cache"
    )


@pytest.mark.parametrize(
    "text",
    ["layers", "type=local,dest=/x", "registry.example.org", "host.x/a:tag", "/a,b", '/"', ""],
)
def test_what_is_neither(text: str) -> None:
    with pytest.raises(UsageError):
        layers.parse(text)


def test_each_target_has_a_tag(tmp_path: Path) -> None:
    repository = Layers(repository="localhost:5000/cache")
    assert repository.importer("image-cpu") == "type=registry,ref=localhost:5000/cache:image-cpu"
    kept = repository.exporter("image-cpu").split(",")
    assert kept[:3] == ["type=registry", "ref=localhost:5000/cache:image-cpu", "mode=max"]
    folder = Layers(folder=tmp_path)
    assert folder.exporter("docs").startswith(f"type=local,dest={tmp_path},tag=docs,mode=max,")


def test_what_a_folder_does_not_have_is_not_asked_for(tmp_path: Path) -> None:
    folder = Layers(folder=tmp_path)
    assert folder.importer("docs") == ""  # nothing was ever kept there
    entry = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": f"sha256:{'0' * 64}",
        "size": 2,
        "annotations": {"org.opencontainers.image.ref.name": "docs"},
    }
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    assert folder.importer("docs") == f"type=local,src={tmp_path},tag=docs"
    assert folder.importer("dev") == ""
