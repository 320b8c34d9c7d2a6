"""Docker's own form of an image, a tar of layers: written for `docker load`, and read of `save`.

Configurations and layers keep their bytes, and so their digests: an image that goes through an
engine is the same image.
"""

import hashlib
import json
import shutil
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

from pdbuild import whole
from pdbuild.errors import EngineError
from pdbuild.oci import Layout, Manifest, write_index

_CHUNK = 1 << 20
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def written(
    layout: Layout, manifest: Manifest, name: str, known: Collection[tuple[str, ...]] = ()
) -> Iterator[bytes]:
    """The bytes that `docker load` reads to call an image `name`.

    `known` are stacks of layers that the engine has, by the digests of their contents: those are
    named, and not sent.
    """
    config = layout.blob(manifest.config.digest).read_bytes()
    contents = json.loads(config)["rootfs"]["diff_ids"]
    paths = [f"{layer.digest.removeprefix('sha256:')}/layer.tar" for layer in manifest.layers]
    config_name = f"{manifest.config.digest.removeprefix('sha256:')}.json"
    listed = [{"Config": config_name, "RepoTags": [name], "Layers": paths}]
    yield from _member(config_name, config)
    sent = set()
    for number, (path, layer) in enumerate(zip(paths, manifest.layers, strict=True), start=1):
        if path in sent or tuple(contents[:number]) in known:
            continue
        sent.add(path)
        yield _header(path, layer.size)
        with layout.blob(layer.digest).open("rb") as file:
            while data := file.read(_CHUNK):
                yield data
        yield _padding(layer.size)
    yield from _member("manifest.json", json.dumps(listed).encode())
    yield b"\0" * 2 * tarfile.BLOCKSIZE


def stacks(layers: Collection[Collection[str]]) -> frozenset[tuple[str, ...]]:
    """All stacks of layers that images with these layers have, base first."""
    return frozenset(
        tuple(image)[:count] for image in layers for count in range(1, len(tuple(image)) + 1)
    )


def read(archive: Path, layout: Path) -> str:
    """Put the one image of an archive of `docker save` into an OCI layout; its digest there.

    Layers that the layout has are not read again. Raises EngineError for what is no such archive.
    """
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:") as tar:
            (listed,) = json.load(_opened(tar, "manifest.json"))
            config = _opened(tar, listed["Config"]).read()
            contents = json.loads(config)["rootfs"]["diff_ids"]
            sizes = [
                _taken(tar, path, blobs / content.removeprefix("sha256:"))
                for path, content in zip(listed["Layers"], contents, strict=True)
            ]
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f"docker saved something else than one image: {error}") from error
    layers = [
        {"mediaType": _LAYER, "digest": content, "size": size}
        for content, size in zip(contents, sizes, strict=True)
    ]
    return _described(layout, config, layers)


def wrapped(tar: Path, layout: Path, platform: str) -> str:
    """Put a tar of files into an OCI layout, as an image of that one layer; its digest there.

    The file is moved.
    """
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    size = tar.stat().st_size
    with tar.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    tar.replace(blobs / content)
    system, machine, *variant = platform.split("/")
    config: dict[str, Any] = {"architecture": machine, "os": system}
    if variant:
        config["variant"] = variant[0]
    config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{content}"]}
    layer = {"mediaType": _LAYER, "digest": f"sha256:{content}", "size": size}
    return _described(layout, json.dumps(config).encode(), [layer])


def _described(layout: Path, config: bytes, layers: list[dict[str, Any]]) -> str:
    """Write configuration, manifest and index of an image whose layers are there."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(layout, config, _CONFIG),
        "layers": layers,
    }
    top = _blob(layout, json.dumps(manifest).encode(), _MANIFEST)
    write_index(layout, [top])
    return str(top["digest"])


def _blob(layout: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    whole.write(layout / "blobs" / "sha256" / digest, content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _opened(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)  # follows the links that older engines write for a layer's twin
    if file is None:
        raise KeyError(name)
    return file


def _taken(tar: tarfile.TarFile, name: str, blob: Path) -> int:
    """Unpack a layer to where its content's digest says; its size."""
    if not blob.exists():
        with whole.replacing(blob) as new:
            with _opened(tar, name) as source, new.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            with new.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != blob.name:
                raise EngineError(f"docker saved layer sha256:{blob.name} with another content")
    return blob.stat().st_size


def _member(name: str, data: bytes) -> Iterator[bytes]:
    yield _header(name, len(data))
    yield data
    yield _padding(len(data))


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)
