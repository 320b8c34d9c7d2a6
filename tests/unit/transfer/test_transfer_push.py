"""The order of a push, and what becomes of tags when it fails: with a registry of two dicts."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pdbuild.choices import Access
from pdbuild.errors import EngineError, UsageError
from pdbuild.store import Store
from pdbuild.transfer import push as module
from pdbuild.transfer.push import push
from pdbuild.transfer.skopeo import Skopeo

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small

TO = "registry.example.org/team/x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faked(Skopeo):
    """skopeo with a registry in memory, which refuses the tags in `refused`.

    It removes manifests as a registry that can (`removes`), only some ("trial") or none ("").
    """

    tags: dict[str, str] = field(default_factory=dict)
    manifests: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)
    removes: str = ""

    def delete(self, reference: str, *words: str) -> None:
        digest = reference.partition("@")[2]
        named = [tag for tag, top in self.tags.items() if top == digest]
        self.steps.append(f"remove {' '.join(named) or 'what nobody names'}")
        if not self.removes or (named and self.removes == "trial"):
            raise EngineError("405")
        for tag in named:
            del self.tags[tag]
        self.manifests.remove(digest)

    def copy(self, *words: str, failing: str, moved: Callable[[int], None] = print) -> None:
        source, there = words[-2:]
        name, at, digest = there.removeprefix("docker://").partition("@")
        if at:
            assert "--preserve-digests" in words
            self.manifests.add(digest)
            self.steps.append("manifest" if "--all" in words else "one manifest")
            return
        tag = name.removeprefix(f"{TO}:")
        if tag in self.refused:
            raise EngineError(f"{failing}: refused")
        layout = source.removeprefix("oci:").removesuffix(":image")
        if source.startswith("oci:"):
            index = json.loads(Path(layout, "index.json").read_text())
            digest = index["manifests"][0]["digest"]
            config = index["manifests"][0]["mediaType"].endswith("manifest.v1+json")
            self.manifests.update([digest] if config else [])  # it comes with its manifest
        else:
            digest = source.rpartition("@")[2]
        assert digest in self.manifests
        self.tags[tag] = digest
        self.steps.append(tag)

    def digest(self, reference: str, *words: str) -> str:
        return self.tags.get(reference.removeprefix(f"{TO}:"), "")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("CACHE", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    # Compressing is skopeo's; here the images go as they are.
    monkeypatch.setattr(module, "_packed", _packed)
    return Store(tmp_path / "store")


def _packed(store: Store, item: Any, stage: Path, say: object) -> Any:
    for blob in store.layout.reachable(item.top):
        target = stage / "blobs/sha256" / blob.digest.removeprefix("sha256:")
        target.write_bytes(store.layout.blob(blob.digest).read_bytes())
    return item


def test_tags_come_after_all_else(store: Store, tmp_path: Path) -> None:
    digests = [small.image(store, tmp_path / "x", f"localhost/x:{n}", n.encode()) for n in "abc"]
    faked = Faked(host="registry.example.org")
    pushed = push(store, [f"localhost/x:{n}" for n in "abc"], TO, Access(), skopeo=faked)
    assert faked.steps == ["manifest"] * 3 + ["a", "b", "c"]
    assert faked.tags == dict(zip("abc", digests, strict=True))
    assert [one.there for one in pushed] == [f"{TO}:a", f"{TO}:b", f"{TO}:c"]
    # Again, nothing moves.
    pushed = push(store, [f"localhost/x:{n}" for n in "abc"], TO, Access(), skopeo=faked)
    assert not any(one.changed for one in pushed) and faked.steps[6:] == ["manifest"] * 3


def test_a_refused_tag_sets_the_others_back(store: Store, tmp_path: Path) -> None:
    for n in "abc":
        small.image(store, tmp_path / "x", f"localhost/x:{n}", n.encode())
    old = {"a": "sha256:1", "b": "sha256:2", "c": "sha256:3"}
    faked = Faked(
        host="registry.example.org", tags=dict(old), manifests=set(old.values()), refused={"c"}
    )
    with pytest.raises(EngineError, match=f"cannot tag {TO}:c: refused") as caught:
        push(store, [f"localhost/x:{n}" for n in "abc"], TO, Access(), skopeo=faked)
    assert faked.tags == old and "may be" not in caught.value.message
    assert faked.steps[3:] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_new_tag_is_removed_again(shared: bool, store: Store, tmp_path: Path) -> None:
    digests = [small.image(store, tmp_path / "x", f"localhost/x:{n}", n.encode()) for n in "ab"]
    # Another tag may name the same image, which it must go on to do.
    there = {"earlier": digests[0]} if shared else {}
    faked = Faked(host="registry.example.org", tags=dict(there), refused={"b"}, removes="all")
    with pytest.raises(EngineError, match=f"cannot tag {TO}:b: refused") as caught:
        push(store, [f"localhost/x:{n}" for n in "ab"], TO, Access(), skopeo=faked)
    assert faked.tags == there and digests[0] in faked.manifests
    assert "may be" not in caught.value.message
    assert faked.steps[-3:] == ["remove what nobody names", "a", "remove a"]


@pytest.mark.parametrize("removes", ["", "trial"])
def test_a_new_tag_that_stays_is_named(removes: str, store: Store, tmp_path: Path) -> None:
    digests = [small.image(store, tmp_path / "x", f"localhost/x:{n}", n.encode()) for n in "abc"]
    faked = Faked(
        host="registry.example.org",
        tags={"c": "sha256:3"},
        manifests={"sha256:3"},
        refused={"b"},
        removes=removes,
    )
    with pytest.raises(EngineError) as caught:
        push(store, [f"localhost/x:{n}" for n in "abc"], TO, Access(), skopeo=faked)
    # The one that was there is as it was; of the new ones nobody has used, one stays.
    assert faked.tags == {"c": "sha256:3", "a": digests[0]}
    assert "these tags may be the new ones: a" in caught.value.message


def test_what_cannot_go_there_is_refused_first(store: Store, tmp_path: Path) -> None:
    small.image(store, tmp_path / "x", "localhost/x:1", b"x")
    small.image(store, tmp_path / "x", "localhost/y:1", b"x")
    faked = Faked(host="")
    with pytest.raises(UsageError, match="these are several: localhost/x, localhost/y"):
        push(store, ["localhost/x:1", "localhost/y:1"], TO, Access(), skopeo=faked)
    for to in ("team/x", "https://registry.example.org/x", "registry.example.org", "a.b/X"):
        with pytest.raises(UsageError):
            push(store, ["localhost/x:1"], to, Access(), skopeo=faked)
    with pytest.raises(UsageError, match="no image"):
        push(store, ["localhost/z:1"], TO, Access(), skopeo=faked)
    assert not faked.steps
