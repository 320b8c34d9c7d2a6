"""Reads an OCI image layout: its index, manifests and configurations, as values; writes its index
and its blobs.

The layout is the OCI image specification's directory form (`oci-layout`, `index.json`,
`blobs/sha256/`), as BuildKit, Buildah and skopeo write it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdbuild import whole
from pdbuild.errors import EngineError

# The specification has a tool read `ref.name`; containerd, BuildKit and docker read the other.
REFERENCE = "org.opencontainers.image.ref.name"
CONTAINERD_REFERENCE = "io.containerd.image.name"

INDEX = "application/vnd.oci.image.index.v1+json"
#: What the file `oci-layout` has in it.
MARK = '{"imageLayoutVersion": "1.0.0"}\n'

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Points at one blob. `size` is in bytes; `platform` is `linux/amd64`, or "" if unsaid."""

    media_type: str
    digest: str
    size: int
    platform: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The full image reference that an index entry carries, or ""."""
        return self.annotations.get(CONTAINERD_REFERENCE) or self.annotations.get(REFERENCE, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image for one platform: its configuration and its layers, base first."""

    digest: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What an image says of itself. `created` is RFC 3339 text, or "" if unsaid."""

    digest: str
    platform: str
    created: str
    labels: Mapping[str, str]
    env: tuple[str, ...]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    workdir: str
    user: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout in directory `path`. Reads only; every method raises EngineError if damaged."""

    path: Path

    def index(self) -> tuple[Descriptor, ...]:
        """The entries of `index.json`, in file order."""
        entries = _parsed(self.path / "index.json").get("manifests") or ()
        return tuple(map(parse_descriptor, entries))

    def blob(self, digest: str) -> Path:
        """Where the blob is, or would be. Raises EngineError for what is no sha256 digest."""
        if not _DIGEST.fullmatch(digest):
            raise EngineError(f"not a sha256 digest: {digest!r}")
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def describe(self, digest: str) -> Descriptor:
        """The descriptor of a manifest or index blob, made from the blob itself."""
        path = self.blob(digest)
        data = _parsed(path)
        # The media type inside a manifest is optional in OCI.
        nested = "manifests" in data
        default = "application/vnd.oci.image." + ("index" if nested else "manifest") + ".v1+json"
        kind = str(data.get("mediaType") or default)
        return Descriptor(media_type=kind, digest=digest, size=path.stat().st_size)

    def manifests(self, top: Descriptor) -> tuple[Manifest, ...]:
        """The images below `top`: itself, or one a platform. Attestations are left out."""
        return tuple(_manifest(e.digest, data) for e, data in self._walk(top) if _is_image(e, data))

    def reachable(self, top: Descriptor) -> tuple[Descriptor, ...]:
        """Every blob that `top` needs, attestations too, each once, `top` last."""
        found: dict[str, Descriptor] = {}
        for entry, data in self._walk(top):
            for child in (data.get("config"), *(data.get("layers") or ())):
                if child:
                    descriptor = parse_descriptor(child)
                    found.setdefault(descriptor.digest, descriptor)
            found.setdefault(entry.digest, entry)
        return tuple(found.values())

    def config(self, manifest: Manifest) -> Config:
        """The configuration of one image."""
        return parse_config(_parsed(self.blob(manifest.config.digest)), manifest.config.digest)

    def _walk(self, top: Descriptor) -> Iterator[tuple[Descriptor, dict[str, Any]]]:
        # Children first: a reader who finds `top` then finds all that it names.
        data = _parsed(self.blob(top.digest))
        for child in data.get("manifests") or ():
            yield from self._walk(parse_descriptor(child))
        yield top, data


def index_text(entries: Iterable[Mapping[str, Any]]) -> str:
    """What `index.json` has in it, for these entries, which are JSON objects, in this order."""
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
    return json.dumps(index, indent=1, sort_keys=True) + "\n"


def write_index(layout: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Make a folder the layout of these entries; their blobs are there, or come later.

    Who reads it meanwhile sees the entries that it had, or the new ones.
    """
    whole.write(layout / "oci-layout", MARK)
    whole.write(layout / "index.json", index_text(entries))


def put_blob(blobs: Path, data: bytes) -> dict[str, Any]:
    """Write a blob into a layout's folder `blobs/sha256`; its digest and size, as a descriptor has
    them.
    """
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def parse_descriptor(data: Mapping[str, Any]) -> Descriptor:
    """A descriptor from its JSON object. Raises EngineError when a required field lacks."""
    try:
        platform = data.get("platform") or {}
        return Descriptor(
            media_type=str(data["mediaType"]),
            digest=str(data["digest"]),
            size=int(data["size"]),
            platform=_platform(platform) if platform else "",
            annotations={str(k): str(v) for k, v in (data.get("annotations") or {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineError(f"not an OCI descriptor: {data!r}") from error


def parse_config(data: Mapping[str, Any], digest: str) -> Config:
    """A configuration from its JSON object; absent fields become empty."""
    settings = data.get("config") or {}
    return Config(
        digest=digest,
        platform=_platform(data),
        created=str(data.get("created") or ""),
        labels={str(k): str(v) for k, v in (settings.get("Labels") or {}).items()},
        env=tuple(settings.get("Env") or ()),
        entrypoint=tuple(settings.get("Entrypoint") or ()),
        cmd=tuple(settings.get("Cmd") or ()),
        workdir=str(settings.get("WorkingDir") or ""),
        user=str(settings.get("User") or ""),
    )


def _platform(data: Mapping[str, Any]) -> str:
    parts = (data.get("os"), data.get("architecture"), data.get("variant"))
    return "/".join(str(part) for part in parts if part)


def _is_image(entry: Descriptor, data: Mapping[str, Any]) -> bool:
    # BuildKit's attestations are manifests too, of platform unknown/unknown.
    return "config" in data and entry.platform != "unknown/unknown"


def _manifest(digest: str, data: Mapping[str, Any]) -> Manifest:
    layers = tuple(map(parse_descriptor, data.get("layers") or ()))
    return Manifest(digest=digest, config=parse_descriptor(data["config"]), layers=layers)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise EngineError(f"{path} is missing: not a complete OCI layout") from error
    except (OSError, ValueError) as error:
        raise EngineError(f"cannot read {path}: {error}") from error
    if not isinstance(data, dict):
        raise EngineError(f"cannot read {path}: not a JSON object")
    return data
