"""A registry with the referrers of OCI 1.1, which Debian's has not: olareg, by Go, and kept."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.choices import Access
from pdbuild.errors import EngineError
from pdbuild.store import Store
from pdbuild.transfer.pull import pull
from pdbuild.transfer.push import push

from . import small

MODULE = "github.com/olareg/olareg@v0.1.2"
OPEN = Access(insecure=True)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

pytestmark = pytest.mark.long  # compiling takes half a minute


@pytest.fixture(scope="module")
def olareg() -> Path:
    """The program."""
    folder = Path("/var/tmp/pdbuild-tests") / MODULE.replace("/", "-")
    if not (folder / "olareg").exists():
        go = shutil.which("go")
        assert go, "scripts/setup test installs it"
        folder.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
        told = subprocess.run(
            [go, "mod", "download", "-json", MODULE], check=True, env=env, capture_output=True
        )
        source = json.loads(told.stdout)["Dir"]  # where its own go.sum is
        words = [go, "build", "-o", folder / "olareg", "./cmd/olareg"]
        subprocess.run(words, check=True, env=env, cwd=source)
    return folder / "olareg"


@pytest.fixture
def registry(olareg: Path, tmp_path: Path) -> Iterator[str]:
    """Its address; it removes nothing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [olareg, "serve", "--addr=127.0.0.1", f"--port={port}", f"--dir={tmp_path / 'kept'}"]
    with subprocess.Popen(words) as serving:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    asked(f"localhost:{port}", "GET", "/v2/")
                    break
                except OSError:
                    assert time.monotonic() < deadline and serving.poll() is None
                    time.sleep(0.05)
            yield f"localhost:{port}"
        finally:
            serving.terminate()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in small.only(tmp_path).items():
        monkeypatch.setenv(name, value)
    return Store(tmp_path / "data" / "images")


def asked(host: str, method: str, path: str, data: bytes = b"", kind: str = "") -> bytes:
    request = urllib.request.Request(f"http://{host}{path}", data or None, method=method)
    request.add_header("Accept", f"{INDEX}, {MANIFEST}")
    if data:
        request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def attached(host: str, path: str, subject: str) -> str:
    """Attach something to an image, as signers and scanners do; its digest."""
    empty = b"{}"
    name = f"sha256:{hashlib.sha256(empty).hexdigest()}"
    kind = "application/octet-stream"
    with urllib.request.urlopen(
        urllib.request.Request(f"http://{host}/v2/{path}/blobs/uploads/", method="POST")
    ) as begun:
        place = begun.headers["Location"].partition(host)[2] or begun.headers["Location"]
    asked(host, "PUT", f"{place}{'&' if '?' in place else '?'}digest={name}", empty, kind)
    described = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": name, "size": 2}
    size = len(asked(host, "GET", f"/v2/{path}/manifests/{subject}"))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": described,
        "layers": [described],
        "subject": {"mediaType": INDEX, "digest": subject, "size": size},
    }
    data = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    asked(host, "PUT", f"/v2/{path}/manifests/{digest}", data, MANIFEST)
    return digest


def referrers(host: str, path: str, subject: str) -> list[str]:
    found = json.loads(asked(host, "GET", f"/v2/{path}/referrers/{subject}"))
    return [one["digest"] for one in found["manifests"]]


def test_what_others_attach_to_an_image_stays(registry: str, store: Store, tmp_path: Path) -> None:
    references = [f"localhost/x:{tag}" for tag in ("1", "1-noavx")]
    for reference in references:
        small.image(store, tmp_path / "made", reference, reference.encode())
    to = f"{registry}/team/x"
    first = push(store, references, to, OPEN)
    tags = json.loads(asked(registry, "GET", "/v2/team/x/tags/list"))["tags"]
    assert sorted(tags) == ["1", "1-noavx"]
    signature = attached(registry, "team/x", first[0].digest)
    assert referrers(registry, "team/x", first[0].digest) == [signature]
    assert not any(one.changed for one in push(store, references, to, OPEN))
    assert referrers(registry, "team/x", first[0].digest) == [signature]
    other = Store(tmp_path / "other")
    assert pull(other, first[0].there, OPEN) == (first[0].there, True)
    assert other.entry(first[0].there).digest == first[0].digest
    assert other.platforms(first[0].there) == ("linux/amd64", "linux/arm64")


def test_a_registry_that_removes_nothing_says_so_before_a_tag_is_touched(
    registry: str, store: Store, tmp_path: Path
) -> None:
    from . import faults

    with faults.before(registry) as failing:
        for tag in ("1", "2"):
            small.image(store, tmp_path / "made", f"localhost/x:{tag}", tag.encode())
        failing.kind, failing.where = "deny", "PUT.*manifests/2$"
        with pytest.raises(EngineError, match="these tags may be the new ones: 1"):
            push(store, ["localhost/x:1", "localhost/x:2"], f"{failing.address}/x", OPEN)
    assert json.loads(asked(registry, "GET", "/v2/x/tags/list"))["tags"] == ["1"]
