"""Images go into an engine by what it lacks, and come back as they were."""

import json
import tarfile
from pathlib import Path

import pytest
from docker_bits import client
from system.small import image

from pdbuild.docker import Docker, archive, images
from pdbuild.errors import EngineError
from pdbuild.oci import Layout, Manifest
from pdbuild.store import Store

ENGINE = Docker(version="20.10.24")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def amd64(store: Store, folder: Path, name: str, *contents: bytes) -> Manifest:
    image(store, folder, name, *contents)
    return store.layout.manifests(store.entry(name))[0]


def test_only_layers_that_the_engine_lacks_are_sent(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = client(tmp_path, monkeypatch)
    one = amd64(store, tmp_path / "1", "localhost/t:1", b"same", b"one")
    two = amd64(store, tmp_path / "2", "localhost/t:2", b"same", b"two")
    names = {"localhost/t:1": one, "localhost/t:2": two}
    assert images.load(ENGINE, store.layout, names) == tuple(names)
    sent = json.loads(state.read_text())["sent"]
    layers = [[f"{la.digest[7:]}/layer.tar" for la in manifest.layers] for manifest in (one, two)]
    assert sent == [sorted(layers[0]), sorted(layers[1][1:])]
    # What lies on another layer is another thing.
    other = amd64(store, tmp_path / "3", "localhost/t:3", b"two", b"same")
    images.load(ENGINE, store.layout, {"localhost/t:3": other})
    assert len(json.loads(state.read_text())["sent"][-1]) == 3


def test_what_is_there_is_not_loaded_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = client(tmp_path, monkeypatch)
    wanted = {"localhost/t:1": amd64(store, tmp_path / "1", "localhost/t:1", b"one")}
    assert images.load(ENGINE, store.layout, wanted)
    assert images.load(ENGINE, store.layout, wanted) == ()
    assert len(json.loads(state.read_text())["sent"]) == 1


def test_an_engine_whose_ids_are_its_own_is_remembered(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """containerd's image store calls an image by a manifest that it makes, and wants all of it."""
    state = client(tmp_path, monkeypatch)
    engine = Docker(version="29.0", whole_images=True)
    one = amd64(store, tmp_path / "1", "localhost/t:1", b"same", b"one")
    two = amd64(store, tmp_path / "2", "localhost/t:2", b"same", b"two")
    program = tmp_path / "bin" / "docker"
    program.write_text(program.read_text().replace('"sha256:" + listed', '"sha256:own" + listed'))
    for name, manifest in (("localhost/t:1", one), ("localhost/t:2", two)):
        assert images.load(engine, store.layout, {name: manifest})
        assert images.load(engine, store.layout, {name: manifest}) == ()
    assert [len(sent) for sent in json.loads(state.read_text())["sent"]] == [3, 3]


@pytest.mark.parametrize("newer", [False, True])
def test_what_is_saved_is_the_same_image(store: Store, tmp_path: Path, newer: bool) -> None:
    """Docker has named the files of its archives in two ways."""
    manifest = amd64(store, tmp_path / "1", "localhost/t:1", b"same", b"one", b"same")
    path = tmp_path / "saved.tar"
    path.write_bytes(b"".join(archive.written(store.layout, manifest, "localhost/t:1")))
    if newer:
        path = _renamed(path)
    out = tmp_path / "out"
    digest = archive.read(path, out)
    (again,) = Layout(out).manifests(Layout(out).describe(digest))
    assert again.config.digest == manifest.config.digest
    assert [la.digest for la in again.layers] == [la.digest for la in manifest.layers]
    assert [entry.digest for entry in Layout(out).index()] == [digest]
    assert Store(tmp_path / "other").adopt(out, digest, "localhost/t:1")
    assert archive.read(path, out) == digest


def _renamed(path: Path) -> Path:
    """The archive as Docker 25 and newer write it: files are called by what is in them."""
    new = path.with_name("newer.tar")
    with tarfile.open(path) as old, tarfile.open(new, "w") as tar:
        (listed,) = json.load(old.extractfile("manifest.json"))  # type: ignore[arg-type]
        names = {name: f"blobs/sha256/{name.split('/')[0]}" for name in listed["Layers"]}
        names[listed["Config"]] = f"blobs/sha256/{listed['Config'][:-5]}"
        for name, blob in names.items():
            member = old.getmember(name)
            content = old.extractfile(member)
            member.name = blob
            tar.addfile(member, content)
        listed["Layers"] = [names[name] for name in listed["Layers"]]
        listed["Config"] = names[listed["Config"]]
        text = path.with_name("manifest.json")
        text.write_text(json.dumps([listed]))
        tar.add(text, "manifest.json")
    return new


def test_a_layer_with_another_content_is_refused(store: Store, tmp_path: Path) -> None:
    manifest = amd64(store, tmp_path / "1", "localhost/t:1", b"one")
    data = b"".join(archive.written(store.layout, manifest, "localhost/t:1"))
    path = tmp_path / "saved.tar"
    path.write_bytes(data.replace(b"one", b"two", 1))
    with pytest.raises(EngineError, match="with another content"):
        archive.read(path, tmp_path / "out")
    path.write_bytes(b"no archive")
    with pytest.raises(EngineError, match="something else than one image"):
        archive.read(path, tmp_path / "out")


def test_files_become_an_image_of_one_layer(tmp_path: Path) -> None:
    tar = tmp_path / "files.tar"
    with tarfile.open(tar, "w") as file:
        file.addfile(tarfile.TarInfo("a"))
    layout = tmp_path / "out"
    layout.mkdir()
    digest = archive.wrapped(tar, layout, "linux/arm/v7")
    (manifest,) = Layout(layout).manifests(Layout(layout).describe(digest))
    assert Layout(layout).config(manifest).platform == "linux/arm/v7"
    with tarfile.open(Layout(layout).blob(manifest.layers[0].digest)) as file:
        assert file.getnames() == ["a"]
    assert not tar.exists()
