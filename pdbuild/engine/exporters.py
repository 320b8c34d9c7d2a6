"""How what a builder has built comes to this machine, as an OCI layout for each target."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pdbuild.docker import Docker, archive, images
from pdbuild.engine import exports
from pdbuild.engine.contract import Build
from pdbuild.oci import Layout
from pdbuild.plan.types import Form, Target, contexts_of

_OCI_LAYOUT = "oci-layout://"


class Exporter(Protocol):
    """One way, chosen by what the builder's driver can."""

    def settings(self, build: Build, targets: Sequence[Target]) -> Iterator[str]:
        """What a bake is told by `--set`, and what must be ready before it."""

    def digest(self, target: Target, layout: Path, told: Mapping[str, Any] | None) -> str:
        """The digest of a target's output in its layout, "" when it was not finished.

        `told` is buildx's metadata of the target, None when the bake failed.
        """


class Layouts:
    """The builder writes OCI layouts itself: every driver but Docker's own."""

    def __init__(self) -> None:
        self._before: dict[str, frozenset[str]] = {}

    def settings(self, build: Build, targets: Sequence[Target]) -> Iterator[str]:
        """See `Exporter`."""
        for target in targets:
            layout = build.exports / target.name
            self._before[target.name] = exports.digests(layout)
            exports.mend(layout)
            # Uncompressed: layers are unpacked on this machine at once, and squeezing them costs
            # more than all the rest of an export. OCI media types are stated because the default
            # changes between BuildKit's versions.
            kind = f"type=oci,tar=false,dest={layout},compression=uncompressed,oci-mediatypes=true"
            if build.layers:  # what comes from a registry is compressed
                kind += ",force-compression=true"
            yield f"{target.name}.output={kind}"

    def digest(self, target: Target, layout: Path, told: Mapping[str, Any] | None) -> str:
        """See `Exporter`."""
        if told and "containerimage.digest" in told:
            return str(told["containerimage.digest"])
        new = exports.digests(layout) - self._before[target.name]
        return next(iter(new)) if len(new) == 1 else ""


class ThroughDocker:
    """BuildKit inside a Docker Engine with its own image store, which knows no OCI layouts.

    Images stay in the engine and are saved from there; files come as a tar. Bases are loaded into
    it, and named. What was finished of a bake that failed is not told.
    """

    def __init__(self, engine: Docker) -> None:
        self._engine = engine

    def settings(self, build: Build, targets: Sequence[Target]) -> Iterator[str]:
        """See `Exporter`."""
        contexts = {
            name: f"docker-image://{self._loaded(place)}"
            for name, place in build.definition.contexts.items()
            if place.startswith(_OCI_LAYOUT)
        }
        for target in targets:
            layout = build.exports / target.name
            exports.mend(layout)
            image = target.form is Form.IMAGE
            kind = "type=docker" if image else f"type=tar,dest={_tar(layout)}"
            yield f"{target.name}.output={kind}"
            for name, place in contexts_of(target, build.plan.base, contexts).items():
                yield f"{target.name}.contexts.{name}={place}"

    def digest(self, target: Target, layout: Path, told: Mapping[str, Any] | None) -> str:
        """See `Exporter`."""
        if told is None:
            _tar(layout).unlink(missing_ok=True)
            return ""
        if target.form is not Form.IMAGE:
            return archive.wrapped(_tar(layout), layout, target.platform)
        image = told.get("containerimage.config.digest") or told["containerimage.digest"]
        return images.save(str(image), layout)

    def _loaded(self, place: str) -> str:
        """The name in the engine of the image that a named context is."""
        folder, _, digest = place.removeprefix(_OCI_LAYOUT).rpartition("@")
        layout = Layout(Path(folder))
        (manifest,) = layout.manifests(layout.describe(digest))
        name = f"localhost/pdbuild-base:{digest.removeprefix('sha256:')[:16]}"
        images.load(self._engine, layout, {name: manifest})
        return name


def _tar(layout: Path) -> Path:
    return layout / "files.tar"
