"""The entries of the store's `index.json`, as the JSON objects that they are."""

from collections.abc import Mapping
from typing import Any

from pdbuild.oci import CONTAINERD_REFERENCE, REFERENCE, Descriptor


def reference_of(entry: Mapping[str, Any]) -> str:
    """The reference of an entry, by whichever annotation; "" without one."""
    annotations = entry.get("annotations") or {}
    return str(annotations.get(CONTAINERD_REFERENCE) or annotations.get(REFERENCE) or "")


def named(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The reference and the digest of an entry."""
    return reference_of(entry), str(entry["digest"])


def entry_of(top: Descriptor, reference: str) -> dict[str, Any]:
    """The entry of an image, or an index, by which a reference finds it."""
    entry: dict[str, Any] = {
        "mediaType": top.media_type,
        "digest": top.digest,
        "size": top.size,
        "annotations": {**top.annotations, REFERENCE: reference, CONTAINERD_REFERENCE: reference},
    }
    if top.platform:
        entry["platform"] = platform_of(top.platform)
    return entry


def platform_of(name: str) -> dict[str, str]:
    """`linux/arm64` as descriptors have it."""
    return dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False))
