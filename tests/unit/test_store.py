"""The image store: what it takes in, keeps, names and frees."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from pdbuild import baking, project
from pdbuild import store as module
from pdbuild.errors import EngineError, UsageError
from pdbuild.store import Store
from pdbuild.version import Version

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
REFERENCE = "localhost/paddle:0.1.0"


def put(root: Path, data: object, media_type: str) -> dict[str, object]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    name = sha256(raw).hexdigest()
    (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (root / "blobs/sha256" / name).write_bytes(raw)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(raw)}


def image(root: Path, *layers: bytes, arch: str = "amd64", kind: str = TAR) -> dict[str, object]:
    config = {
        "os": "linux",
        "architecture": arch,
        "created": "2020-01-02T03:04:05Z",
        "config": {"Labels": {"pdbuild.variant": "gpu"}},
    }
    manifest = {
        "schemaVersion": 2,
        "config": put(root, config, CONFIG),
        "layers": [put(root, layer, kind) for layer in layers],
    }
    return {
        **put(root, manifest, MANIFEST),
        "platform": {"os": "linux", "architecture": arch},
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }


def export(root: Path, *layers: bytes, kind: str = TAR) -> str:
    """A layout as an engine exports it, of one image; its digest."""
    entry = image(root, *layers, kind=kind)
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return str(entry["digest"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images")


def blobs(store: Store) -> set[str]:
    return {path.name for path in (store.path / "blobs/sha256").iterdir()}


def test_adopted_image_is_listed_and_linked(store: Store, tmp_path: Path) -> None:
    digest = export(tmp_path / "e", b"base", b"top")
    assert store.adopt(tmp_path / "e", digest, REFERENCE)
    (found,) = store.images()
    assert (found.reference, found.digest, found.platform) == (REFERENCE, digest, "linux/amd64")
    assert found.labels == {"pdbuild.variant": "gpu"}
    assert found.created == "2020-01-02T03:04:05Z"
    assert found.unpacked == 7 and found.size > 7
    blob = store.layout.blob(digest)
    assert blob.samefile(tmp_path / "e/blobs/sha256" / blob.name)
    # The private layout may go: what was adopted stays.
    shutil.rmtree(tmp_path / "e")
    assert store.find("paddle:0.1.0") == found
    assert store.config(REFERENCE).digest == found.config_digest


def test_index_has_both_names_and_is_a_valid_layout(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "e", export(tmp_path / "e", b"x"), REFERENCE)
    assert json.loads((store.path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((store.path / "index.json").read_text())
    (entry,) = index["manifests"]
    assert index["schemaVersion"] == 2
    assert entry["annotations"] == {
        "org.opencontainers.image.ref.name": REFERENCE,
        "io.containerd.image.name": REFERENCE,
    }
    assert entry["platform"] == {"os": "linux", "architecture": "amd64"}


def test_unchanged_writes_nothing(store: Store, tmp_path: Path) -> None:
    digest = export(tmp_path / "e", b"x")
    store.adopt(tmp_path / "e", digest, REFERENCE)
    before = (store.path / "index.json").stat()
    shutil.rmtree(tmp_path / "e")  # not even read
    assert not store.adopt(tmp_path / "e", digest, REFERENCE)
    after = (store.path / "index.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_blob_that_was_lost_is_taken_again(store: Store, tmp_path: Path) -> None:
    digest = export(tmp_path / "e", b"x")
    store.adopt(tmp_path / "e", digest, REFERENCE)
    (store.path / "blobs/sha256" / sha256(b"x").hexdigest()).unlink()
    assert store.adopt(tmp_path / "e", digest, REFERENCE)
    assert sha256(b"x").hexdigest() in blobs(store)


def test_a_reference_moves_and_collect_frees_the_rest(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "a", export(tmp_path / "a", b"shared", b"old" * 100), REFERENCE)
    digest = export(tmp_path / "b", b"shared", b"new")
    store.adopt(tmp_path / "b", digest, REFERENCE)
    store.adopt(tmp_path / "b", digest, "localhost/paddle:dev")
    assert [image.reference for image in store.images()] == [REFERENCE, "localhost/paddle:dev"]
    shutil.rmtree(tmp_path / "a")
    assert store.collect() > 300
    assert sha256(b"shared").hexdigest() in blobs(store)
    assert sha256(b"old" * 100).hexdigest() not in blobs(store)
    assert store.collect() == 0
    store.collect(store.images())
    assert blobs(store) == set() and store.images() == ()


def test_collect_forgets_images_and_frees_what_only_they_need(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "a", export(tmp_path / "a", b"shared", b"old" * 100), "localhost/x:1")
    store.adopt(tmp_path / "b", export(tmp_path / "b", b"shared", b"new"), REFERENCE)
    shutil.rmtree(tmp_path / "a")
    before = blobs(store)
    old = store.find("localhost/x:1")
    assert old
    would = store.collect([old], dry_run=True)
    assert would > 300 and blobs(store) == before and len(store.images()) == 2
    assert store.collect([old]) == would
    assert [image.reference for image in store.images()] == [REFERENCE]
    assert sha256(b"shared").hexdigest() in blobs(store)
    assert store.collect([old]) == 0


def test_a_reference_that_has_moved_on_is_not_forgotten(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "a", export(tmp_path / "a", b"old"), REFERENCE)
    old = store.images()
    store.adopt(tmp_path / "b", export(tmp_path / "b", b"new"), REFERENCE)
    store.collect(old)
    (found,) = store.images()
    assert found.digest != old[0].digest


def test_collect_waits_for_readers(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "a", export(tmp_path / "a", b"x"), REFERENCE)
    images = store.images()
    with ThreadPoolExecutor() as others:
        with store.reading():
            collecting = others.submit(store.collect, images)
            with pytest.raises(TimeoutError):
                collecting.result(0.2)
            assert store.images() == images
            assert others.submit(store.collect, images, dry_run=True).result(20) == 0
        collecting.result(20)
    assert store.images() == ()


def test_blobs_still_linked_elsewhere_do_not_count_as_freed(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "a", export(tmp_path / "a", b"x" * 100), REFERENCE)
    assert store.collect(store.images()) == 0
    assert blobs(store) == set()


def test_collect_sweeps_what_a_killed_process_left(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "e", export(tmp_path / "e", b"x"), REFERENCE)
    half = store.path / "blobs/sha256/.half.tmp"
    index = store.path / ".index.json.abcd"
    half.write_bytes(b"1")
    index.write_bytes(b"1")
    store.collect()
    assert not half.exists() and not index.exists()
    assert len(store.images()) == 1


def test_copies_where_no_link_can_be(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    digest = export(tmp_path / "e", b"x")
    store.adopt(tmp_path / "e", digest, REFERENCE)
    assert store.layout.blob(digest).stat().st_nlink == 1
    assert len(store.images()) == 1


def test_a_torn_blob_is_refused_and_a_torn_one_in_the_store_replaced(
    store: Store, tmp_path: Path
) -> None:
    digest = export(tmp_path / "e", b"layer")
    layer = tmp_path / "e/blobs/sha256" / sha256(b"layer").hexdigest()
    layer.write_bytes(b"lay")
    with pytest.raises(EngineError, match="damaged"):
        store.adopt(tmp_path / "e", digest, REFERENCE)
    assert store.images() == ()
    torn = store.path / "blobs/sha256" / layer.name
    torn.write_bytes(b"la")
    layer.write_bytes(b"layer")
    store.adopt(tmp_path / "e", digest, REFERENCE)
    assert torn.read_bytes() == b"layer"
    layer.unlink()
    with pytest.raises(EngineError, match="No such file"):
        Store(tmp_path / "other").adopt(tmp_path / "e", digest, REFERENCE)


def test_several_platforms_under_one_reference(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "e"
    children = [image(root, b"a", arch="amd64"), image(root, b"b", arch="arm64")]
    top = put(root, {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}, INDEX)
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    store.adopt(root, str(top["digest"]), REFERENCE)
    assert [image.platform for image in store.images()] == ["linux/amd64", "linux/arm64"]
    assert {image.digest for image in store.images()} == {top["digest"]}
    arm = store.find(REFERENCE, "linux/arm64")
    assert arm and arm.manifest_digest == children[1]["digest"]
    assert store.config(REFERENCE, "linux/arm64").digest == arm.config_digest
    assert store.find(REFERENCE, "linux/riscv64") is None
    with pytest.raises(UsageError, match="not there for linux/riscv64"):
        store.config(REFERENCE, "linux/riscv64")
    # A child of the index can be adopted by itself, though no index entry describes it.
    assert store.adopt(root, str(children[1]["digest"]), "localhost/paddle:arm")


def test_gzip_layers_report_both_sizes_and_are_read_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two members: the size at the end of the file is that of the second one alone.
    packed = gzip.compress(b"0" * 10_000) + gzip.compress(b"1" * 500)
    store.adopt(tmp_path / "e", export(tmp_path / "e", packed, kind=TAR + "+gzip"), REFERENCE)
    (found,) = store.images()
    assert found.unpacked == 10_500 and found.size < 2_000
    monkeypatch.setattr("pdbuild.store.sizes._gunzipped", None)
    assert store.images() == (found,)


def test_a_layer_that_cannot_be_read_has_no_unpacked_size(store: Store, tmp_path: Path) -> None:
    store.adopt(tmp_path / "e", export(tmp_path / "e", b"z", kind=TAR + "+zstd"), REFERENCE)
    assert store.images()[0].unpacked is None


def test_entries_of_other_tools_are_kept(store: Store, tmp_path: Path) -> None:
    foreign = {**image(store.path, b"foreign"), "urls": ["x"]}
    (store.path / "index.json").write_text(json.dumps({"manifests": [foreign]}))
    store.adopt(tmp_path / "e", export(tmp_path / "e", b"x"), REFERENCE)
    entries = json.loads((store.path / "index.json").read_text())["manifests"]
    assert foreign in entries and len(entries) == 2


def test_an_empty_store_answers(store: Store) -> None:
    assert store.images() == () and store.find(REFERENCE) is None and store.collect() == 0
    with pytest.raises(UsageError, match=r"no image localhost/paddle:0\.1\.0"):
        store.config(REFERENCE)


def test_a_damaged_image_stops_collect(store: Store, tmp_path: Path) -> None:
    digest = export(tmp_path / "e", b"x")
    store.adopt(tmp_path / "e", digest, REFERENCE)
    store.layout.blob(digest).unlink()
    before = blobs(store)
    with pytest.raises(EngineError, match="missing"):
        store.collect()
    assert blobs(store) == before


def test_many_processes_adopt_and_collect_at_once(store: Store, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pdbuild.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for i in range(10):\n"
        "    store.adopt(Path(sys.argv[2]), sys.argv[3], f'localhost/x:{sys.argv[4]}-{i}')\n"
        "    store.collect()\n"
    )
    running = []
    for n in range(4):
        digest = export(tmp_path / str(n), b"shared", str(n).encode())
        argv = [str(store.path), str(tmp_path / str(n)), digest, str(n)]
        environment = {**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])}
        running.append(subprocess.Popen([sys.executable, "-c", program, *argv], env=environment))
    assert [process.wait(60) for process in running] == [0] * 4
    assert len(store.images()) == 40
    assert len({image.digest for image in store.images()}) == 4


def of(folder: Path, arch: str, *layers: bytes) -> str:
    """A layout with the image of one platform; its digest."""
    entry = image(folder, *layers, arch=arch)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return str(entry["digest"])


def test_platforms_of_one_reference_are_an_index(store: Store, tmp_path: Path) -> None:
    amd, arm = of(tmp_path / "amd", "amd64", b"a"), of(tmp_path / "arm", "arm64", b"b")
    assert store.adopt(tmp_path / "amd", amd, REFERENCE)
    # Alone it is an image, as other tools expect one.
    assert store.entry(REFERENCE).digest == amd
    assert store.adopt(tmp_path / "arm", arm, REFERENCE)
    entry = store.entry(REFERENCE)
    assert entry.media_type == INDEX and store.platforms(REFERENCE) == (
        "linux/amd64",
        "linux/arm64",
    )
    found = {i.platform: i.manifest_digest for i in store.images()}
    assert found == {"linux/amd64": amd, "linux/arm64": arm}
    assert not store.adopt(tmp_path / "amd", amd, REFERENCE)
    assert not store.adopt(tmp_path / "arm", arm, REFERENCE)
    # A new one takes the place of the one for its platform, and of no other.
    newer = of(tmp_path / "newer", "amd64", b"c")
    assert store.adopt(tmp_path / "newer", newer, REFERENCE)
    found = {i.platform: i.manifest_digest for i in store.images()}
    assert found == {"linux/amd64": newer, "linux/arm64": arm}
    store.collect()
    assert amd.removeprefix("sha256:") not in blobs(store)
    assert arm.removeprefix("sha256:") in blobs(store)
    # With the reference go all of them.
    store.collect(store.images())
    assert not blobs(store)


def test_the_order_of_platforms_is_no_matter(store: Store, tmp_path: Path) -> None:
    amd, arm = of(tmp_path / "amd", "amd64", b"a"), of(tmp_path / "arm", "arm64", b"b")
    other = Store(tmp_path / "other")
    for where, digest in (("amd", amd), ("arm", arm)):
        store.adopt(tmp_path / where, digest, REFERENCE)
    for where, digest in (("arm", arm), ("amd", amd)):
        other.adopt(tmp_path / where, digest, REFERENCE)
    assert store.entry(REFERENCE).digest == other.entry(REFERENCE).digest


def test_an_image_of_an_earlier_bake_stays_beside_a_new_one(store: Store, tmp_path: Path) -> None:
    """People bake for one platform after the other; what they do not bake again is told."""
    amd, arm = (tmp_path / "amd", "linux/amd64"), (tmp_path / "arm", "linux/arm64")
    store.adopt(amd[0], of(amd[0], "amd64", b"a"), REFERENCE)
    store.adopt(arm[0], of(arm[0], "arm64", b"b"), REFERENCE)
    assert store.adopt(amd[0], of(amd[0], "amd64", b"new"), REFERENCE)
    tags = [(REFERENCE, "linux/amd64")]
    assert list(baking.left_behind(store, tags, [REFERENCE])) == [(REFERENCE, ["linux/arm64"])]
    assert list(baking.left_behind(store, tags, [])) == []
    both = [*tags, (REFERENCE, "linux/arm64")]
    assert list(baking.left_behind(store, both, [REFERENCE])) == []


@pytest.mark.parametrize(
    ("stated", "version", "known"),
    [
        ("git", "1.0-3-gabc", True),
        ("git", "1.0-3-gabc-dirty", False),
        ("git", "0.0.0", False),
        ("1.2.0", "1.2.0", False),
    ],
)
def test_which_versions_say_what_the_source_was(stated: str, version: str, known: bool) -> None:
    recipe = SimpleNamespace(project=SimpleNamespace(version=stated))
    assert project.is_committed(recipe, Version(version)) is known  # type: ignore[arg-type]
