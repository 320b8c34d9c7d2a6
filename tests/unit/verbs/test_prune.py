"""Which images are of old versions, and what `pdbuild prune` makes of them."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from pdbuild import baking, leftovers, locks
from pdbuild.engine import caches, exports
from pdbuild.engine.contract import Built, Output
from pdbuild.errors import EngineError, UsageError
from pdbuild.plan.types import DEBUG, Form, Target
from pdbuild.store import Store, StoredImage
from pdbuild.verbs import prune
from pdbuild.version import Version

NONE: Mapping[str, str] = MappingProxyType({})
VERSION = "org.opencontainers.image.version"


def stored(
    tag: str, created: str, variant: str | None = "small", platform: str = "linux/amd64"
) -> StoredImage:
    """An image of project x, unless the tag says another, as `pdbuild bake` would label it."""
    reference = f"localhost/{tag if ':' in tag else f'x:{tag}'}"
    version = reference.rpartition(":")[2].removesuffix(f"-{variant}")
    return StoredImage(
        reference=reference,
        digest=f"sha256:{sha256(f'{reference}{created}'.encode()).hexdigest()}",
        manifest_digest="",
        config_digest="",
        platform=platform,
        created=created,
        labels={} if variant is None else {"org.pdbuild.variant": variant, VERSION: version},
        size=0,
        unpacked=None,
    )


def outdated(keep: int, *images: StoredImage) -> list[str]:
    return [image.reference.removeprefix("localhost/") for image in prune.outdated(images, keep)]


def test_each_project_and_variant_has_its_newest_versions() -> None:
    images = [
        stored("1.0", "2020-01-01T00:00:00Z"),
        stored("1.1", "2021-01-01T00:00:00Z"),
        stored("1.2", "2022-01-01T00:00:00.123456789Z"),
        stored("1.0-large", "2020-01-01T00:00:00Z", "large"),
        stored("y:1.0", "2019-01-01T00:00:00+01:00"),
        stored("y:0.9", "2018-01-01T00:00:00Z"),
    ]
    assert outdated(2, *images) == ["x:1.0"]
    assert outdated(1, *images) == ["x:1.1", "x:1.0", "y:0.9"]
    assert outdated(3, *images) == []
    assert sorted(outdated(0, *images)) == sorted(i.reference[10:] for i in images)


def test_the_dev_image_and_those_of_other_tools_stay() -> None:
    images = [stored("dev", "", None), stored("other/y:1", "2000-01-01T00:00:00Z", None)]
    assert outdated(0, *images) == []


def test_time_tells_and_not_the_version() -> None:
    images = [
        stored("2.0", "2020-01-01T00:00:00Z"),
        stored("1.9.1", "2021-01-01T00:00:00Z"),
        stored("3.0", "no time"),
        stored("4.0", ""),
    ]
    assert outdated(1, *images) == ["x:2.0", "x:4.0", "x:3.0"]


def test_of_one_commit_the_changed_source_is_newer() -> None:
    now = "2020-01-01T00:00:00Z"
    images = [stored("1.0-dirty-small", now), stored("1.0-small", now)]
    assert outdated(1, *images) == ["x:1.0-small"]


def test_without_git_the_version_tells() -> None:
    epoch = "1970-01-01T00:00:00Z"
    images = [stored(version, epoch) for version in ("1.10", "1.9", "1.9.1", "1.2a")]
    assert outdated(2, *images) == ["x:1.9", "x:1.2a"]


def test_all_platforms_of_a_version_go_together() -> None:
    images = [
        stored("1.0", "2020-01-01T00:00:00Z", platform="linux/amd64"),
        stored("1.0", "2022-01-01T00:00:00Z", platform="linux/arm64"),
        stored("1.1", "2021-01-01T00:00:00Z", platform="linux/amd64"),
        stored("1.1", "2021-01-01T00:00:00Z", platform="linux/arm64"),
    ]
    assert outdated(1, *images) == ["x:1.1", "x:1.1"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with three versions that share a layer, and the dev image."""
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    made = Store(tmp_path / "data" / "images")
    for year in (2020, 2021, 2022):
        adopt(made, tmp_path / "e", f"x:1.{year}", year, "small")
    adopt(made, tmp_path / "e", "x:dev", 2000, None)
    return made


def adopt(store: Store, folder: Path, tag: str, year: int, variant: str | None) -> None:
    store.adopt(folder, export(folder, year, variant), f"localhost/{tag}")
    for blob in (folder / "blobs/sha256").iterdir():
        blob.unlink()  # what the next export does not have


def export(folder: Path, year: int, variant: str | None, labels: Mapping[str, str] = NONE) -> str:
    """A layout as an engine exports it, of one image; its digest."""

    def put(data: object) -> tuple[str, int]:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        name = sha256(raw).hexdigest()
        (folder / "blobs/sha256" / name).write_bytes(raw)
        return f"sha256:{name}", len(raw)

    def described(data: object, kind: str) -> dict[str, object]:
        digest, size = put(data)
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": digest, "size": size}

    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    config = {
        "os": "linux",
        "architecture": "amd64",
        "created": f"{year}-01-01T00:00:00Z",
        "config": {"Labels": {"org.pdbuild.variant": variant} if variant else {**labels}},
    }
    layers = [described(b"shared" * 1000, "layer.v1.tar"), described(b"%d" * year, "layer.v1.tar")]
    manifest = {"config": described(config, "config.v1+json"), "layers": layers}
    entry = described(manifest, "manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"manifests": [entry]}))
    return str(entry["digest"])


def references(store: Store) -> list[str]:
    return [image.reference for image in store.images()]


def on_disk(store: Store) -> int:
    return sum(path.stat().st_size for path in (store.path / "blobs/sha256").iterdir())


def test_a_dry_run_says_what_happens_then(store: Store) -> None:
    before = references(store)
    would = prune.prune(1, engines=False, dry_run=True)
    assert references(store) == before
    taken = on_disk(store)
    did = prune.prune(1, engines=False, dry_run=False)
    assert references(store) == ["localhost/x:1.2022", "localhost/x:dev"]
    assert taken - on_disk(store) == did.freed == would.freed > 4000
    assert did.images == would.images == ("localhost/x:1.2021", "localhost/x:1.2020")
    assert prune.as_text(would).splitlines() == [
        "would remove localhost/x:1.2021",
        "would remove localhost/x:1.2020",
        f"would free {did.freed / 1000:.1f} kB",
    ]
    assert prune.as_text(did) == prune.as_text(would).replace("would remove", "removed").replace(
        "would free", "freed"
    )
    again = prune.prune(1, engines=False, dry_run=False)
    assert prune.as_text(again) == "nothing to remove"


def test_no_store_is_made_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    assert prune.as_text(prune.prune(2, engines=False, dry_run=False)) == "nothing to remove"
    assert not (tmp_path / "data").exists()
    with pytest.raises(UsageError, match="--keep -1"):
        prune.prune(-1, engines=False, dry_run=False)


def test_caches_go_first_or_nothing_does(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "cache/buildkit/0.34-native", tmp_path / "cache/buildah/1.39-overlay"]
    for folder in folders:
        folder.mkdir(parents=True)
    before = references(store)

    def refuse(found: Sequence[caches.Cache]) -> int:
        raise EngineError("in use by a build")

    monkeypatch.setattr(caches, "remove", refuse)
    with pytest.raises(EngineError, match="in use by a build"):
        prune.prune(1, engines=True, dry_run=False)
    assert references(store) == before
    removed: list[Path] = []

    def remove(found: Sequence[caches.Cache]) -> int:
        removed.extend(cache.path for cache in found)
        return 10**9

    monkeypatch.setattr(caches, "remove", remove)
    pruned = prune.prune(1, engines=True, dry_run=False)
    assert pruned.caches == tuple(removed) == tuple(folders)
    assert pruned.freed > 10**9
    assert f"removed {folders[1]}\nfreed 1.0 GB" in prune.as_text(pruned)
    monkeypatch.setattr(caches, "size", lambda found: 10**9)
    assert f"would remove {folders[0]}" in prune.as_text(prune.prune(1, engines=True, dry_run=True))
    assert all(folder.is_dir() for folder in folders)


def test_a_bakes_images_are_in_use_until_podman_has_them(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when they are of an old version, which `prune` would remove at once."""
    export(tmp_path / "e", 1999, "small")
    (digest,) = exports.digests(tmp_path / "e")
    tag = "localhost/x:1.1999"
    target = Target(name="i", stage="i", kind="image", form=Form.IMAGE, description="", tags=(tag,))
    output = Output(target=target, layout=tmp_path / "e", digest=digest)

    with ThreadPoolExecutor() as others:
        pruning: list[Future[prune.Pruned]] = []

        def load(store: Store, references: Sequence[str]) -> None:
            pruning.append(others.submit(prune.prune, 1, engines=False, dry_run=False))
            with pytest.raises(TimeoutError):
                pruning[0].result(0.2)
            assert store.find(tag)

        monkeypatch.setattr("pdbuild.container.sync.load", load)
        plan = SimpleNamespace(root=str(tmp_path), version=Version("1.1999"))
        recipe = SimpleNamespace(project=SimpleNamespace(version="1.1999"))
        made = baking._collect(recipe, plan, Built(outputs=(output,)), tmp_path)
        assert [image.reference for image in made.images] == [tag]
        assert tag in pruning[0].result(20).images


def exported(
    data: Path, checkout: str, target: str, store: Store, year: int = 1990, tag: str = ""
) -> Path:
    """A layout that a bake left: an image that the store has taken, under `tag`, or files."""
    layout = data / "exports" / checkout / target
    digest = export(layout, year, "small")
    if tag:
        store.adopt(layout, digest, f"localhost/{tag}")
    layout.with_name(f"{target}.lock").touch()
    return layout


def taken(*folders: Path) -> int:
    """The bytes that these folders' layouts take; a file with several links counts once.

    The store's own index does not count: it is written anew.
    """
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = (path.stat() for path in paths if path.parent.name != "images")
    return sum({status.st_ino: status.st_size for status in found}.values())


def test_what_bakes_left_goes_when_what_they_made_is_gone(store: Store, tmp_path: Path) -> None:
    data, root = tmp_path / "data", tmp_path / "x"
    (root / "build").mkdir(parents=True)
    (root / "build/rootfs.tar").touch()
    entry = {"kind": "", "variant": "", "platform": "", "size": 0, "sha256": "", "image": ""}
    listed = [entry | {"path": "build/rootfs.tar", "target": "rootfs"}]
    listed += [entry | {"path": "build/old/x", "target": "binaries-old"}]
    (root / "build/artifacts.json").write_text(json.dumps({"artifacts": listed}))
    old = exported(data, "x-1", "image-cpu", store, 2019, "x:1.2019")  # the oldest is pruned
    new = exported(data, "x-1", "image-gpu", store, 2023, "x:1.2023")
    other = exported(data, "x-1", "image-gpu-linux-arm64", store)
    files = exported(data, "x-1", "rootfs", store)
    deleted = exported(data, "x-1", "binaries-old", store)
    debug = exported(data, "x-1-debug", "at-caches", store)
    elsewhere = exported(data, "y-2", "rootfs", store)  # its project is not known any more
    leftovers.note(data / "exports/x-1", root)
    gone = (old, other, deleted, debug, elsewhere)

    would = prune.prune(2, engines=False, dry_run=True)
    assert set(would.layouts) == set(gone)
    assert all(layout.is_dir() for layout in gone)
    before = taken(data)
    did = prune.prune(2, engines=False, dry_run=False)
    assert "localhost/x:1.2019" in did.images
    assert (did.images, did.layouts) == (would.images, would.layouts)
    assert did.freed == would.freed == before - taken(data)
    assert new.is_dir() and files.is_dir()
    assert not any(layout.exists() for layout in gone)
    assert f"removed {debug}\n" in prune.as_text(did)


def test_what_a_bake_is_using_stays(store: Store, tmp_path: Path) -> None:
    layout = exported(tmp_path / "data", "x-1", "rootfs", store)
    with locks.alone(layout.with_name("rootfs.lock")):
        assert prune.prune(9, engines=False, dry_run=False).layouts == ()
    assert prune.prune(9, engines=False, dry_run=False).layouts == (layout,)


def test_the_image_of_a_failed_step_goes(store: Store, tmp_path: Path) -> None:
    layout = tmp_path / "data/exports/x-1-debug/at"
    digest = export(layout, 2000, None, {DEBUG: "binaries-cpu"})
    store.adopt(layout, digest, "localhost/x:debug")
    pruned = prune.prune(9, engines=False, dry_run=False)
    assert (pruned.images, pruned.layouts) == (("localhost/x:debug",), (layout,))
    assert pruned.freed > 0
    assert store.find("x:debug") is None


def test_compressed_layers_are_a_cache(store: Store, tmp_path: Path) -> None:
    stage = tmp_path / "cache/push/0123"
    (stage / "blobs").mkdir(parents=True)
    (stage / "blobs/x").write_bytes(b"x" * 10**5)
    with locks.alone(stage / "lock"), pytest.raises(EngineError, match="in use"):
        prune.prune(9, engines=True, dry_run=False)
    pruned = prune.prune(9, engines=True, dry_run=False)
    assert pruned.caches == (stage,)
    assert pruned.freed >= 10**5
    assert not stage.exists()
