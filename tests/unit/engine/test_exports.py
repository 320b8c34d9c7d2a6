"""Layouts in the state in which a killed exporter leaves them."""

import json
from pathlib import Path

import pytest

from pdbuild.engine import exports

ENTRY = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:a", "size": 1}


@pytest.mark.parametrize("rest", ["", '{"manifests": [{"dig'])
@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_file_that_is_cut_off_goes_and_blobs_stay(tmp_path: Path, name: str, rest: str) -> None:
    blob = tmp_path / "blobs/sha256/b"
    blob.parent.mkdir(parents=True)
    blob.write_text("whole")
    (tmp_path / name).write_text(rest)
    exports.mend(tmp_path)
    assert not (tmp_path / name).exists()
    assert blob.read_text() == "whole"
    assert exports.digests(tmp_path) == frozenset()


def test_a_whole_layout_stays_and_a_missing_one_is_made(tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"manifests": [ENTRY]}))
    exports.mend(tmp_path)
    assert exports.digests(tmp_path) == {"sha256:a"}
    exports.mend(tmp_path / "new/layout")
    assert (tmp_path / "new/layout").is_dir()
