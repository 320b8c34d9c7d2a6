"""Registries that fail in every way: one clear error, soon, and nothing is lost."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.choices import Access
from pdbuild.errors import EngineError
from pdbuild.store import Store
from pdbuild.transfer.pull import pull
from pdbuild.transfer.push import push
from pdbuild.transfer.skopeo import Skopeo

from . import faults, small
from .faults import Faults
from .small import Registry

OPEN = Access(insecure=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with small.registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture
def failing(plain: Registry) -> Iterator[Faults]:
    with faults.before(plain.address) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in small.only(tmp_path).items():
        monkeypatch.setenv(name, value)
    return Store(tmp_path / "data" / "images")


def impatient(host: str) -> Skopeo:
    """As people use it, but that waits for shorter."""
    return Skopeo(host=host, patience=3, pauses=(0.1, 0.1))


# What the registry does to which requests → what is said of it. Every one fails for ever.
PUSHES = {
    "denied": ("deny", "POST", "does not allow you that"),
    "full": ("full", "PUT.*blobs", "has no space left"),
    "failing": ("fail", "PUT.*manifests", "failed by itself"),
    "half way": ("close", "PATCH", "closed the connection half way"),
    "silent": ("hang", "PATCH", "does not go on"),
    "rate-limited": ("limit", "POST", "takes no more requests for now"),
    "tag denied": ("deny", "PUT.*manifests/2$", "does not allow you that"),
    "tag half way": ("close", "PUT.*manifests/2$", "closed the connection half way"),
    "tag lost": ("lie", "GET.*manifests/2$", "and gives"),
}


@pytest.mark.parametrize("case", PUSHES)
def test_a_failed_push_changes_no_tag(
    case: str, store: Store, failing: Faults, plain: Registry, tmp_path: Path
) -> None:
    kind, where, said = PUSHES[case]
    path = f"push/{case.replace(' ', '-')}"
    to = f"{failing.address}/{path}"
    for tag in ("1", "2"):
        small.image(store, tmp_path / "made", f"localhost/x:{tag}", os.urandom(20_000))
    references = ("localhost/x:1", "localhost/x:2")
    push(store, references, to, OPEN, skopeo=impatient(failing.address))
    before = {tag: plain.digest(path, tag) for tag in ("1", "2")}
    for tag in ("1", "2"):
        small.image(store, tmp_path / "new", f"localhost/x:{tag}", os.urandom(20_000))
    failing.kind, failing.where = kind, where
    failing.armed_by = "PUT.*manifests/2$" if case == "tag lost" else ""
    since = time.monotonic()
    with pytest.raises(EngineError, match=said) as caught:
        push(store, references, to, OPEN, skopeo=impatient(failing.address))
    assert failing.address in caught.value.message
    assert faults.took(since) < 40
    if kind == "limit":  # it asked to come again
        assert sum(asked.startswith("POST") for asked in failing.seen) >= 5
    assert {tag: plain.digest(path, tag) for tag in ("1", "2")} == before
    # And when it is well again, it goes on.
    failing.kind = ""
    pushed = push(store, references, to, OPEN, skopeo=impatient(failing.address))
    assert [one.digest for one in pushed] == [plain.digest(path, tag) for tag in ("1", "2")]
    assert all(one.changed for one in pushed)


PULLS = {
    "denied": ("deny", "GET.*manifests", "does not allow you that"),
    "lying about a manifest": ("lie", "GET.*manifests/sha256", "other bytes"),
    "lying about a layer": ("lie", "GET.*blobs", "other bytes"),
    "half way": ("close", "GET.*blobs", "closed the connection half way"),
    "silent": ("hang", "GET.*blobs", "does not go on"),
    "slow": ("drip", "GET.*blobs", "does not go on"),
    "failing": ("fail", "GET.*blobs", "failed by itself"),
}


@pytest.mark.parametrize("case", PULLS)
def test_a_failed_pull_leaves_nothing_wrong(
    case: str, store: Store, failing: Faults, tmp_path: Path
) -> None:
    kind, where, said = PULLS[case]
    to = f"{failing.address}/pull/{case.replace(' ', '-')}"
    other = Store(tmp_path / "other")
    small.image(other, tmp_path / "made", "localhost/x:1", os.urandom(20_000), b"a" * 5000)
    push(other, ["localhost/x:1"], to, OPEN, skopeo=impatient(failing.address))
    failing.kind, failing.where = kind, where
    since = time.monotonic()
    with pytest.raises(EngineError, match=said) as caught:
        pull(store, f"{to}:1", OPEN, skopeo=impatient(failing.address))
    assert faults.took(since) < 40
    assert failing.address in caught.value.message
    assert store.images() == ()
    failing.kind = ""
    pull(store, f"{to}:1", OPEN, skopeo=impatient(failing.address))
    blobs = {b.name: b.read_bytes() for b in (store.path / "blobs/sha256").iterdir()}
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in blobs.items())
    assert store.platforms(f"{to}:1") == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("where", ["PATCH", "PUT.*manifests"])
def test_what_breaks_once_is_tried_again(
    where: str, store: Store, failing: Faults, plain: Registry, tmp_path: Path
) -> None:
    small.image(store, tmp_path / "made", "localhost/x:1", os.urandom(20_000))
    path = f"once/{where.lower().replace('.*', '-')}"
    failing.kind, failing.where, failing.times = "close", where, 1
    skopeo = impatient(failing.address)
    push(store, ["localhost/x:1"], f"{failing.address}/{path}", OPEN, skopeo=skopeo)
    assert failing.times == 0 and plain.tags(path) == ["1"]


@pytest.mark.parametrize("removes", [True, False])
def test_tags_that_were_new_go_where_the_registry_removes_them(
    removes: bool, store: Store, tmp_path: Path
) -> None:
    with (
        small.registry(tmp_path / "registry", removes=removes) as real,
        faults.before(real.address) as failing,
    ):
        digests = {
            tag: small.image(store, tmp_path / "made", f"localhost/x:{tag}", tag.encode())
            for tag in ("1", "2", "3")
        }
        to, skopeo = f"{failing.address}/x", impatient(failing.address)
        # What has the tag "earlier" is also what "1" is to name.
        first = push(store, ["localhost/x:1"], f"{failing.address}/x", OPEN, skopeo=skopeo)
        store.adopt(store.path, digests["1"], "localhost/x:earlier")
        push(store, ["localhost/x:earlier"], to, OPEN, skopeo=skopeo)
        assert real.tags("x") == ["1", "earlier"]
        store.adopt(store.path, digests["1"], "localhost/x:2")
        failing.kind, failing.where = "deny", "PUT.*manifests/3$"
        with pytest.raises(EngineError, match="does not allow you that") as caught:
            push(store, [f"localhost/x:{n}" for n in (2, 3)], to, OPEN, skopeo=skopeo)
        assert ("these tags may be the new ones: 2" in caught.value.message) != removes
        assert real.tags("x") == ["1", *([] if removes else ["2"]), "earlier"]
        for tag in real.tags("x"):
            assert real.digest("x", tag) == first[0].digest


@pytest.mark.long
def test_who_is_to_come_later_without_a_time_does_so_for_a_minute(
    store: Store, failing: Faults, tmp_path: Path
) -> None:
    small.image(store, tmp_path / "made", "localhost/x:1", os.urandom(20_000))
    failing.kind, failing.where = "limit without a time", "POST"
    since = time.monotonic()
    with pytest.raises(EngineError, match="takes no more requests for now"):
        push(store, ["localhost/x:1"], f"{failing.address}/later", OPEN)
    assert 30 < faults.took(since) < 110


def test_a_registry_that_is_not_there(store: Store, tmp_path: Path) -> None:
    small.image(store, tmp_path / "made", "localhost/x:1", b"x")
    host = faults.dead()
    since = time.monotonic()
    with pytest.raises(EngineError, match=f"{host} cannot be reached"):
        push(store, ["localhost/x:1"], f"{host}/x", OPEN, skopeo=impatient(host))
    with pytest.raises(EngineError, match=f"{host} cannot be reached"):
        pull(store, f"{host}/x:1", OPEN, skopeo=impatient(host))
    assert faults.took(since) < 10
    assert [image.reference for image in store.images()] == ["localhost/x:1"] * 2
