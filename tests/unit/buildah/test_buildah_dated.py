"""Two exports of the same files, made at different times, are one image."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pdbuild.engine.buildah import dated
from pdbuild.engine.buildah.images import exported
from pdbuild.errors import EngineError
from pdbuild.oci import Layout, write_index

EARLY, LATE = "2020-01-01T00:00:00Z", "2026-02-03T04:05:06.123456789Z"
SECONDS = "1600000000"  # 2020-09-13T12:26:40Z


def exported_at(layout: Path, moment: str, before: str) -> tuple[str, str]:
    """An image as skopeo writes it out of Buildah's storage; its digest and its id there."""
    config = {
        "created": moment,
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created": EARLY, "created_by": "the base"},
            {"created": moment, "created_by": "COPY", "comment": f"FROM {before}"},
            {"created_by": "no time at all", "comment": "said by somebody"},
        ],
    }
    described = put(layout, config)
    base = {"org.opencontainers.image.base.digest": f"sha256:{before}", "a": "b"}
    manifest = {"schemaVersion": 2, "config": described, "layers": [], "annotations": base}
    top = put(layout, manifest) | {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
    write_index(layout, [top])
    return str(top["digest"]), str(described["digest"]).removeprefix("sha256:")


def put(layout: Path, value: object) -> dict[str, Any]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs/sha256" / digest).write_bytes(data)
    kind = "manifest" if "schemaVersion" in str(value) else "config"
    media = f"application/vnd.oci.image.{kind}.v1+json"
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}


def test_the_same_files_are_the_same_image(tmp_path: Path) -> None:
    made = []
    for number, moment in enumerate((LATE, "2027-01-01T00:00:00Z")):
        layout = tmp_path / str(number)
        digest, image = exported_at(layout, moment, f"{number}" * 12)
        assert exported(layout, image) == digest
        new = dated.write(layout, digest, image, SECONDS)
        assert exported(layout, image) == new != digest
        made.append(new)
    assert made[0] == made[1]

    (manifest,) = Layout(layout).manifests(Layout(layout).index()[0])
    config = json.loads(Layout(layout).blob(manifest.config.digest).read_text())
    assert config["created"] == "2020-09-13T12:26:40Z"
    assert config["history"] == [
        {"created": EARLY, "created_by": "the base"},
        {"created": "2020-09-13T12:26:40Z", "created_by": "COPY"},
        {"created_by": "no time at all", "comment": "said by somebody"},
    ]
    assert json.loads(Layout(layout).blob(made[1]).read_text())["annotations"] == {"a": "b"}
    (entry,) = Layout(layout).index()
    assert entry.reference == "latest" and entry.size == Layout(layout).blob(made[1]).stat().st_size


def test_what_is_dated_stays_as_it_is(tmp_path: Path) -> None:
    digest, image = exported_at(tmp_path, LATE, "0" * 12)
    new = dated.write(tmp_path, digest, image, SECONDS)
    assert dated.write(tmp_path, new, image, "1") == new


def test_an_index_without_its_blobs_is_damaged(tmp_path: Path) -> None:
    digest, image = exported_at(tmp_path, LATE, "0" * 12)
    Layout(tmp_path).blob(digest).unlink()
    assert exported(tmp_path, image) == ""
    with pytest.raises(EngineError, match="cannot read"):
        dated.write(tmp_path, digest, image, SECONDS)
