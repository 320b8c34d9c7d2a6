"""Images in a Docker Engine: which it has, and how they get there and back."""

import contextlib
import json
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from pdbuild import dirs, programs, whales, whole
from pdbuild.docker import Docker, archive
from pdbuild.errors import EngineError
from pdbuild.oci import Layout, Manifest


def load(docker: Docker, layout: Layout, wanted: Mapping[str, Manifest]) -> tuple[str, ...]:
    """Make the engine know images of a layout by these names; those that it did not know.

    Only layers that it lacks are sent. An image that had the name before goes when it has no
    other name and no container. Raises EngineError when the engine refuses.
    """
    there = ids(tuple(wanted))
    memory = _Memory()
    missing = [
        name
        for name, manifest in wanted.items()
        if not memory.holds(name, manifest.config.digest, there.get(name, ""))
    ]
    if not missing:
        return ()
    known = frozenset() if docker.whole_images else archive.stacks(_layers())
    for name in missing:
        _sent(layout, wanted[name], name, known)
        known |= archive.stacks([_contents(layout, wanted[name])])
    now = ids(tuple(missing))
    for name in missing:
        memory.add(name, wanted[name].config.digest, now.get(name, ""))
        if name in there:
            _remove_if_unnamed(there[name])
    return tuple(missing)


def ids(names: Collection[str]) -> dict[str, str]:
    """The ids of the images that the engine knows by these names."""
    if not names:
        return {}
    shown = "--format={{.Id}} {{json .RepoTags}}"
    # It fails when one of them is not there, and prints the others.
    done = programs.run("docker", "image", "inspect", shown, *names, quick=True)
    found: dict[str, str] = {}
    for line in filter(None, done.out.splitlines()):
        image, _, tags = line.partition(" ")
        found |= {name: image for name in json.loads(tags) or () if name in names}
    return found


def save(image: str, layout: Path) -> str:
    """Put an image of the engine's, by its id, into an OCI layout; its digest there."""
    with tempfile.TemporaryDirectory(dir=layout, prefix="saved-") as folder:
        file = Path(folder, "image.tar")
        with whales.client("docker") as client:
            client.image.save(image, output=file)
        return archive.read(file, layout)


class _Memory:
    """What was loaded under a name, and the id that the engine gave it.

    The engine's own store has the digest of the configuration for an id; containerd's has that
    of a manifest, which it makes itself.
    """

    def __init__(self) -> None:
        self._path = dirs.cache_dir() / "docker-loaded.json"

    def holds(self, name: str, config: str, image: str) -> bool:
        return bool(image) and (image == config or self._read().get(name) == [config, image])

    def add(self, name: str, config: str, image: str) -> None:
        if image and image != config:
            whole.write(self._path, json.dumps({**self._read(), name: [config, image]}))

    def _read(self) -> dict[str, list[str]]:
        try:
            return dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return {}


def _sent(
    layout: Layout, manifest: Manifest, name: str, known: Collection[tuple[str, ...]]
) -> None:
    with whales.client("docker") as client:
        try:
            client.image.load(archive.written(layout, manifest, name, known), quiet=True)
        except BrokenPipeError:
            raise EngineError(f"docker ended while {name} was loaded into it") from None


def _contents(layout: Layout, manifest: Manifest) -> list[str]:
    config = json.loads(layout.blob(manifest.config.digest).read_bytes())
    return [str(content) for content in config["rootfs"]["diff_ids"]]


def _layers() -> list[list[str]]:
    """The layers of all images of the engine."""
    listed = programs.run("docker", "image", "ls", "--quiet", "--no-trunc", quick=True).out.split()
    if not listed:
        return []
    shown = "--format={{json .RootFS.Layers}}"
    done = programs.run("docker", "image", "inspect", shown, *dict.fromkeys(listed), quick=True)
    return [json.loads(line) or [] for line in done.out.splitlines() if line]


def _remove_if_unnamed(image: str) -> None:
    # Not forced: one that a container still uses stays.
    with contextlib.suppress(EngineError), whales.client("docker") as client:
        if not client.image.inspect(image).repo_tags:
            client.image.remove(image)
