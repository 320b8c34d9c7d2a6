"""Reading OCI layouts: values from JSON, and what a damaged layout says."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild.errors import EngineError
from pdbuild.oci import Layout, parse_config, parse_descriptor, write_index

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def put(root: Path, data: object, media_type: str) -> dict[str, object]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    name = sha256(raw).hexdigest()
    (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (root / "blobs/sha256" / name).write_bytes(raw)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(raw)}


def image(root: Path, arch: str, body: bytes) -> dict[str, object]:
    config = {"os": "linux", "architecture": arch, "created": "2020-01-02T03:04:05Z"}
    manifest = {
        "schemaVersion": 2,
        "config": put(root, config, "application/vnd.oci.image.config.v1+json"),
        "layers": [put(root, body, LAYER)],
    }
    platform = {"os": "linux", "architecture": arch}
    return {**put(root, manifest, MANIFEST), "platform": platform}


def index(root: Path, *entries: dict[str, object]) -> Layout:
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return Layout(root)


def test_a_manifest_for_one_platform(tmp_path: Path) -> None:
    layout = index(tmp_path, image(tmp_path, "amd64", b"layer"))
    (top,) = layout.index()
    (manifest,) = layout.manifests(top)
    assert top.platform == "linux/amd64"
    assert [layer.size for layer in manifest.layers] == [5]
    assert layout.config(manifest).platform == "linux/amd64"
    assert [b.digest for b in layout.reachable(top)][-1] == top.digest


def test_several_platforms_share_blobs_and_attestations_are_no_image(tmp_path: Path) -> None:
    attestation = image(tmp_path, "unknown", b"statement")
    attestation["platform"] = {"os": "unknown", "architecture": "unknown"}
    children = [image(tmp_path, "amd64", b"same"), image(tmp_path, "arm64", b"same"), attestation]
    nested = put(tmp_path, {"schemaVersion": 2, "manifests": children}, INDEX)
    layout = index(tmp_path, nested)
    (top,) = layout.index()
    assert [layout.config(m).platform for m in layout.manifests(top)] == [
        "linux/amd64",
        "linux/arm64",
    ]
    reachable = [blob.digest for blob in layout.reachable(top)]
    # Three manifests, three configurations, two different layers, the index.
    assert len(reachable) == len(set(reachable)) == 9


def test_describe_knows_an_index_from_a_manifest(tmp_path: Path) -> None:
    child = image(tmp_path, "amd64", b"x")
    nested = put(tmp_path, {"schemaVersion": 2, "manifests": [child]}, INDEX)
    layout = Layout(tmp_path)
    assert layout.describe(str(child["digest"])).media_type == MANIFEST
    assert layout.describe(str(nested["digest"])).media_type == INDEX


def test_a_configuration_with_every_field() -> None:
    config = parse_config(
        {
            "os": "linux",
            "architecture": "arm",
            "variant": "v7",
            "config": {
                "Labels": {"a": "b"},
                "Env": ["A=1"],
                "Entrypoint": ["/e"],
                "Cmd": ["c"],
                "WorkingDir": "/w",
                "User": "1:1",
            },
        },
        "sha256:0",
    )
    assert (config.platform, config.labels, config.env) == ("linux/arm/v7", {"a": "b"}, ("A=1",))
    assert (config.entrypoint, config.cmd) == (("/e",), ("c",))
    assert (config.workdir, config.user, config.created) == ("/w", "1:1", "")


def test_the_full_name_wins_over_a_bare_tag() -> None:
    names = {
        "io.containerd.image.name": "localhost/x/b:1",
        "org.opencontainers.image.ref.name": "1",
    }
    entry = {"mediaType": MANIFEST, "digest": "sha256:0", "size": 1, "annotations": names}
    assert parse_descriptor(entry).reference == "localhost/x/b:1"


def test_damage_is_told(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with pytest.raises(EngineError, match=r"index\.json is missing"):
        layout.index()
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(EngineError, match="cannot read"):
        layout.index()
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(EngineError, match="not a JSON object"):
        layout.index()
    with pytest.raises(EngineError, match="not an OCI descriptor"):
        parse_descriptor({"digest": "sha256:0"})
    with pytest.raises(EngineError, match="not a sha256 digest"):
        layout.blob("sha256:../../etc/passwd")


def test_an_index_that_is_written_is_read(tmp_path: Path) -> None:
    one, two = image(tmp_path, "amd64", b"one"), image(tmp_path, "arm64", b"two")
    write_index(tmp_path, [two, one])
    found = [(top.digest, top.platform) for top in Layout(tmp_path).index()]
    assert found == [(two["digest"], "linux/arm64"), (one["digest"], "linux/amd64")]
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    before = (tmp_path / "index.json").open()
    write_index(tmp_path, [one])
    with before:  # the old file is whole for who has it open
        assert len(json.load(before)["manifests"]) == 2
    assert [top.digest for top in Layout(tmp_path).index()] == [one["digest"]]
