"""Images as files: layers over each other, links, and what an upper layer takes away."""

import gzip
import json
from pathlib import Path

import pytest
from verify_bits import At, image, layer

from pdbuild import content
from pdbuild.content import Layer
from pdbuild.errors import EngineError
from pdbuild.oci import Descriptor, Layout


def test_a_file_of_an_upper_layer_hides_the_one_below() -> None:
    made = image({"/etc/a": b"old", "/etc/b": b"kept"}, {"/etc/a": b"new"})
    assert (made.read("/etc/a"), made.read("/etc/b")) == (b"new", b"kept")
    assert made.top("/etc/a") and not made.top("/etc/b")


def test_what_an_upper_layer_removes_is_gone() -> None:
    made = image(
        {"/a/one": b"1", "/a/two": b"2", "/b/three": b"3", "/c": b"4"},
        {"/a/.wh.one": b"", "/b/.wh..wh..opq": b"", "/b/new": b"5", "/.wh.c": b""},
    )
    files = {e.path for e in made if e.kind == "file"}
    assert files == {"/a/two", "/b/new"}


def test_links_are_followed_in_the_image() -> None:
    made = image(
        {"/usr/lib/x.so.1": b"x", "/lib": "usr/lib", "/usr/lib/x.so": "x.so.1", "/r": "/lib/x.so",
         "/up": "usr/../../usr/lib/x.so.1", "/loop": "loop", "/gone": "nowhere"},
    )  # fmt: skip
    assert made.resolve("/lib/x.so") == "/usr/lib/x.so.1"
    assert made.read("/r") == made.read("/up") == b"x"
    assert made.resolve("/loop") == made.resolve("/gone") == ""
    assert made.find("/gone") is None


def test_a_capability_and_an_owner_are_seen() -> None:
    header = {"SCHILY.xattr.security.capability": "x"}
    (entry,) = layer({"/ping": At(data=b"p", headers=header, owner="ann", uid=7)}).entries
    assert (entry.capable, entry.owner[0], entry.uid) == (True, "ann", 7)


def test_layers_of_a_layout_are_read_packed_or_not(tmp_path: Path) -> None:
    plain = layer({"/a": b"1"})
    data = bytes(plain.tar)
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    kinds = {"tar": data, "tar+gzip": gzip.compress(data), "tar+zstd": b"?"}
    described = []
    for number, (kind, blob) in enumerate(kinds.items()):
        (blobs / (str(number) * 64)).write_bytes(blob)
        media = f"application/vnd.oci.image.layer.v1.{kind}"
        described.append(
            Descriptor(media_type=media, digest=f"sha256:{str(number) * 64}", size=len(blob))
        )
    (tmp_path / "index.json").write_text(json.dumps({}))
    made = content.load(Layout(tmp_path), described[:2])
    assert made.read("/a") == b"1"
    with pytest.raises(EngineError, match="zstd"):
        content.load(Layout(tmp_path), described)


def test_a_file_below_a_link_is_where_that_leads() -> None:
    made = image({"/usr/lib/a": b"1", "/lib": "/usr/lib"}, {"/lib/b": b"2", "/lib/.wh.a": b""})
    # The second layer names the folder /lib of its own, which takes the link's place.
    assert made.read("/lib/b") == b"2"
    (lower, upper) = layer({"/usr/lib/a": b"1", "/lib": "/usr/lib"}), layer({"/lib/b": b"2"})
    alone = Layer("sha256:1", upper.tar, tuple(e for e in upper.entries if e.kind == "file"))
    made = content.merged((lower, alone))
    assert {e.path for e in made if e.kind == "file"} == {"/usr/lib/a", "/usr/lib/b"}
    assert made.read("/lib/b") == made.read("/usr/lib/b") == b"2"
