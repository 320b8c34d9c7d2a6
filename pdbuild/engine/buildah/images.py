"""Images into Buildah's storage and out of it: bases, and what targets yield."""

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdbuild import login, programs, tools
from pdbuild.engine import exports, process
from pdbuild.engine.buildah import dated
from pdbuild.engine.buildah.place import Place
from pdbuild.engine.buildah.text import Isolation
from pdbuild.engine.buildah.version import Dialect
from pdbuild.errors import EngineError
from pdbuild.limits import limits
from pdbuild.oci import Layout, put_blob, write_index
from pdbuild.registries import is_local, qualified, registry

_LAYOUT = "oci-layout://"
_IMAGE = "docker-image://"
_TAG = "latest"
_NOTE = "pdbuild: base"


@dataclass(frozen=True, slots=True)
class Images:
    """The storage of a run: `run` is the run's folder."""

    place: Place
    run: Path
    environment: Mapping[str, str]

    def base(self, name: str, source: str) -> str:
        """The id of the image that a Containerfile calls `name`; fetched when it must be.

        `source` is a layout on disk (`oci-layout://DIR@DIGEST`), or a reference, maybe as a
        named context has it (`docker-image://…`). Raises EngineError when it cannot be had.
        """
        if source.startswith(_LAYOUT):
            return self._imported(name, source)
        source = source.removeprefix(_IMAGE)
        if "://" in source:
            raise EngineError(f"Buildah cannot read the context {source}")
        return self._pulled(qualified(source))

    def keep(self, image: str, folder: Path) -> None:
        """Write an image into a layout that has others, named after its id. Raises EngineError."""
        code, said = self._said(self.export_words(image, folder, _kept(image)))
        if code:
            raise EngineError(f"the layers of {image[:12]} cannot be kept: {said}")

    def taken(self, image: str, folder: Path) -> None:
        """Have an image that `keep` wrote. Raises EngineError when it is another, or not whole."""
        if image not in self.place.known_images():
            policy = ("--signature-policy", str(self._policy))
            # By a relative path: 1.28 names the image after it, and refuses capitals.
            link = self.run / f"kept-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
            if not link.is_symlink():
                link.symlink_to(folder.absolute())
            if self._pull(f"oci:{link.name}:{_kept(image)}", *policy) != image:
                raise EngineError(f"{folder} has another image under the name {_kept(image)}")

    def export_words(self, image: str, layout: Path, tag: str = _TAG) -> list[str]:
        """The command that writes an image into a layout. Blobs that it has are not copied."""
        skopeo = tools.require("skopeo", reason="export what Buildah has built")
        return self.place.inside(
            os.fspath(skopeo.path), "copy", "--quiet", "--insecure-policy", "--format=oci",
            "--dest-oci-accept-uncompressed-layers",
            self.place.storage(image), f"oci:{layout}:{tag}",
        )  # fmt: skip

    def prepare_export(self, image: str, layout: Path) -> None:
        """Link layers that other targets' layouts have already into this one."""
        exports.mend(layout)
        blobs = layout / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        for layer in self._layers(image):
            mine = blobs / layer
            if mine.exists():
                continue
            for other in layout.parent.glob(f"*/blobs/sha256/{layer}"):
                with contextlib.suppress(OSError):
                    mine.hardlink_to(other)
                    break

    def isolation(self, image: str, dialect: Dialect) -> Isolation:
        """How steps can be run here: tried once, on an image that has a shell, and remembered."""
        memory = self.place.folder / "isolation.json"
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Isolation(**json.loads(memory.read_bytes()))
        said = []
        for candidate in _candidates(dialect):
            refused = self._refused(candidate, image)
            if not refused:
                found = {"kind": candidate.kind, "runtime": candidate.runtime}
                memory.write_text(json.dumps(found))
                return candidate
            said.append(f"{candidate.kind} {candidate.runtime}: {refused}")
        raise EngineError(
            "Buildah can run no step here" + "".join(f"\n{line}" for line in said),
            hint=tools.hint("runc"),
        )

    def _refused(self, candidate: Isolation, image: str) -> str:
        """Why steps cannot be run so; "" when one could."""
        buildah = shlex.join(self.place.command())
        how = [f"--isolation={candidate.kind}", "--network=host"]
        if candidate.runtime:
            how.append(f"--runtime={candidate.runtime}")
        made = f"{buildah} from --pull-never {shlex.join(limits())} {image}"
        script = (
            f'set -e; c=$({made}); trap "{buildah} rm $c >/dev/null" EXIT; '
            f'{buildah} run {shlex.join(how)} "$c" bash -c :'
        )
        code, said = self._said(self.place.inside("sh", "-c", script))
        return said if code else ""

    def _imported(self, name: str, source: str) -> str:
        path, _, digest = source.removeprefix(_LAYOUT).rpartition("@")
        layout = Layout(Path(path))
        manifest = layout.manifests(layout.describe(digest))[0]
        config: dict[str, Any] = json.loads(layout.blob(manifest.config.digest).read_bytes())
        if not config.get("history"):
            # Buildah 1.28 counts on one entry for each layer; the specification does not ask it.
            config["history"] = [{"created_by": _NOTE} for _ in manifest.layers]
        data = json.dumps(config, sort_keys=True).encode()
        identity = hashlib.sha256(data).hexdigest()
        if identity not in self.place.known_images():
            # By a relative path: the storage names the image after it.
            folder = self.run / re.sub(r"[^a-z0-9]+", "-", name.lower())
            _write_layout(folder, layout, manifest.digest, data)
            self._pull(f"oci:{folder.name}", "--signature-policy", str(self._policy))
            shutil.rmtree(folder)
        self._in_use(identity, name)
        return identity

    def _pulled(self, reference: str) -> str:
        self._log_in(registry(reference))
        # As BuildKit: this machine's own registry may do without TLS.
        tls = ["--tls-verify=false"] if is_local(registry(reference)) else []
        if "@" in reference:
            identity = self._pull(reference, "--policy=missing", *tls)
        else:
            try:
                identity = self._pull(reference, "--policy=always", *tls)
            except EngineError:
                # As BuildKit: without a registry, what was pulled before will do.
                identity = self._pull(reference, "--policy=missing", *tls)
        self._in_use(identity, reference)
        return identity

    def _log_in(self, host: str) -> None:
        """Have Buildah known to a registry: where it looks first is this run's own folder."""
        file = self.run / "containers" / "auth.json"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if not file.exists():
            file.touch(mode=0o600)
        file.write_text(json.dumps(login.for_podman([*login.hosts(file), host])))

    def _in_use(self, image: str, name: str) -> None:
        self.place.remember(f"base-{image}", {"image": image, "node": name})

    def _pull(self, source: str, *options: str) -> str:
        if not any(Path(p).exists() for p in _policies()):
            options = ("--signature-policy", str(self._policy))
        code, said = self._said(self.place.words("pull", "--quiet", *options, source))
        if code:
            raise EngineError(f"Buildah cannot pull {source}: {said}")
        return said.split()[-1].removeprefix("sha256:")

    @property
    def _policy(self) -> Path:
        return self.place.folder / "policy.json"

    def _said(self, words: Sequence[str]) -> tuple[int, str]:
        running = process.popen(
            words, env=self.environment, cwd=self.run,
            stdout=programs.PIPE, stderr=programs.STDOUT,
        )  # fmt: skip
        try:
            output, _ = running.communicate()
        finally:
            process.stop(running, ((signal.SIGKILL, 5.0),))
        code = running.returncode
        return code, output.decode(errors="replace").strip()[-2000:] or f"exit code {code}"

    def _layers(self, image: str) -> tuple[str, ...]:
        """The digests of an image's layers, as far as the storage's file tells."""
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            manifest = json.loads((self.place.images.parent / image / "manifest").read_bytes())
            return tuple(str(e["digest"]).removeprefix("sha256:") for e in manifest["layers"])
        return ()


def exported(layout: Path, image: str) -> str:
    """The digest under which the layout holds an image (its id); "" when it does not.

    That is also one that `dated.write` made of it.
    """
    here = Layout(layout)
    with contextlib.suppress(EngineError):
        for entry in here.index():
            with contextlib.suppress(EngineError):
                ids = {m.config.digest.removeprefix("sha256:") for m in here.manifests(entry)}
                if image in ids | {entry.annotations.get(dated.MADE_OF)}:
                    return entry.digest
    return ""


def _kept(image: str) -> str:
    """What an image is called in a layout: newer Buildahs refuse a name that is an id alone."""
    return f"kept-{image}"


def _candidates(dialect: Dialect) -> list[Isolation]:
    kind = "rootless" if os.getuid() else "oci"
    found = [shutil.which(name, path=tools.search_path()) for name in ("runc", "crun")]
    runtimes = [Isolation(kind=kind, runtime=path) for path in found if path]
    return [*runtimes, *([Isolation(kind="chroot")] if dialect.keeps_folders else [])]


def _policies() -> tuple[Path, ...]:
    return (Path.home() / ".config/containers/policy.json", Path("/etc/containers/policy.json"))


def _write_layout(folder: Path, source: Layout, digest: str, config: bytes) -> None:
    """A layout of `source`'s image with another configuration; its layers are linked."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifest = json.loads(source.blob(digest).read_bytes())
    for layer in manifest["layers"]:
        (blobs / layer["digest"].removeprefix("sha256:")).symlink_to(source.blob(layer["digest"]))
    manifest["config"] |= put_blob(blobs, config)
    described = put_blob(blobs, json.dumps(manifest).encode())
    described["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    write_index(folder, [described])
