"""Images of a few kilobytes, and a registry of this machine's to send them to."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pdbuild.store import Store

_OCI = "application/vnd.oci.image"

#: "secret", for `someone`, as htpasswd has it.
_HTPASSWD = "someone:$2b$04$SDa8UNro6M5IS2x7bKJDnedZMjh9ETnq/KTCEPtejcxsKqXCXOeRK\n"


def image(store: Store, folder: Path, reference: str, *contents: bytes) -> str:
    """Put an image for amd64 and arm64 into a store, with a layer for each content, and one of
    the platform's own; its digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    manifests = []
    for machine in ("amd64", "arm64"):
        layers = [_blob(blobs, _tar(c), "layer.v1.tar") for c in (*contents, machine.encode())]
        config = {
            "architecture": machine,
            "os": "linux",
            "config": {"Labels": {"title": reference}},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
            "history": [{"created_by": "test"} for _ in layers],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _blob(blobs, json.dumps(config).encode(), "config.v1+json"),
            "layers": layers,
        }
        made = _blob(blobs, json.dumps(manifest).encode(), "manifest.v1+json")
        manifests.append({**made, "platform": {"os": "linux", "architecture": machine}})
    index = {"schemaVersion": 2, "mediaType": f"{_OCI}.index.v1+json", "manifests": manifests}
    top = _blob(blobs, json.dumps(index).encode(), "index.v1+json")
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    store.adopt(folder, str(top["digest"]), reference)
    return str(top["digest"])


def named(content: bytes) -> str:
    """The name of the file with this content in an image."""
    return hashlib.sha256(content).hexdigest()[:8]


def _tar(content: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        entry = tarfile.TarInfo(named(content))
        entry.mode = 0o755
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def _blob(blobs: Path, data: bytes, kind: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Debian's docker-registry, serving."""

    address: str
    ca: Path | None
    log: Path

    def tags(self, path: str) -> list[str]:
        """The tags of a repository."""
        answer = self._asked(f"/v2/{path}/tags/list")
        return sorted(json.loads(answer).get("tags") or ()) if answer else []

    def digest(self, path: str, tag: str) -> str:
        """What a tag names; "" when it is not there."""
        data = self._asked(f"/v2/{path}/manifests/{tag}")
        return f"sha256:{hashlib.sha256(data).hexdigest()}" if data else ""

    def requests(self, method: str) -> int:
        """How many requests of a method there have been, such as PATCH, which sends a blob."""
        return self.log.read_text().count(f'"{method} /v2/')

    def _asked(self, path: str) -> bytes:
        scheme, context = "http", None
        if self.ca:
            scheme, context = "https", ssl.create_default_context(cafile=self.ca)
        request = urllib.request.Request(f"{scheme}://{self.address}{path}")
        request.add_header("Accept", f"{_OCI}.index.v1+json, {_OCI}.manifest.v1+json")
        if self.ca:
            request.add_header("Authorization", "Basic c29tZW9uZTpzZWNyZXQ=")
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            error.close()
            return b""


@contextlib.contextmanager
def registry(
    folder: Path,
    *,
    guarded: bool = False,
    removes: bool = False,
    program: str = "",
    host: str = "localhost",
) -> Iterator[Registry]:
    """A registry that keeps all in `folder`; `guarded`: by TLS and a password; `removes`: what
    it is asked to. `program` is another than Debian's, of the same project. `host` is an address
    of this machine: at `localhost` nobody looks at certificates.
    """
    program = program or shutil.which("docker-registry") or ""
    assert program, "scripts/setup test installs it"
    folder.mkdir(parents=True, exist_ok=True)
    address = "127.0.0.1" if host == "localhost" else host
    with socket.create_server((address, 0)) as free:
        port = free.getsockname()[1]
    ca = _certified(folder, address) if guarded else None
    http: dict[str, object] = {"addr": f"{address}:{port}", "secret": "x"}
    config: dict[str, object] = {
        "version": "0.1",
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": removes},
        },
        "http": http,
    }
    if guarded:
        (folder / "htpasswd").write_text(_HTPASSWD)
        http["tls"] = {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # which is YAML, too
    log = folder / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [program, "serve", folder / "config.yml"], stdout=out, stderr=out
        ) as serving,
    ):
        try:
            made = Registry(address=f"{host}:{port}", ca=ca, log=log)
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError):
                    made._asked("/v2/")
                    break
                assert time.monotonic() < deadline and serving.poll() is None, log.read_text()
                time.sleep(0.05)
            yield made
        finally:
            serving.terminate()


def own_address() -> str:
    """An address of this machine's that is not its loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # nothing is sent
        return str(asked.getsockname()[0])


def _certified(folder: Path, address: str) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{address}",
         "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "tls.crt"


def only(folder: Path) -> dict[str, str]:
    """An environment in which pdbuild, skopeo and podman keep all in `folder`."""
    names = {
        "PDBUILD_CACHE_DIR": "cache",
        "PDBUILD_DATA_DIR": "data",
        "PDBUILD_RUNTIME_DIR": "run",
        "HOME": "home",
        "XDG_RUNTIME_DIR": "session",
        "XDG_DATA_HOME": "share",
        "XDG_CONFIG_HOME": "config",
    }
    for name in names.values():
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {n: v for n, v in os.environ.items() if n not in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG")}
    return kept | {name: str(folder / value) for name, value in names.items()}
