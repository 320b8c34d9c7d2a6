"""Images go to a real registry, under TLS and a password, and come back: what is sent and read."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdbuild.limits import limits
from pdbuild.store import Store

from . import small
from .small import Registry


@dataclass(frozen=True, slots=True)
class Place:
    """A store of small images, and the environment of what works with it."""

    folder: Path
    env: dict[str, str]

    @property
    def store(self) -> Store:
        return Store(Path(self.env["PDBUILD_DATA_DIR"], "images"))

    def image(self, reference: str, *contents: bytes) -> str:
        return small.image(self.store, self.folder / "made", reference, *contents)

    def pdbuild(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "pdbuild", *words]
        env = {**self.env, **env}
        return subprocess.run(
            argv, env=env, cwd=self.folder, capture_output=True, text=True, timeout=120
        )

    def succeeds(self, *words: str, **env: str) -> str:
        done = self.pdbuild(*words, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log_in(self, registry: Registry) -> None:
        auth = base64.b64encode(b"someone:secret").decode()
        file = Path(self.env["XDG_RUNTIME_DIR"], "containers", "auth.json")
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with small.registry(tmp_path_factory.mktemp("registry"), guarded=True) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, small.only(tmp_path))


def trusted(place: Place, registry: Registry) -> None:
    """Have this user's podman trust a registry's certificate, as a user does."""
    folder = Path(place.env["HOME"], ".config/containers/certs.d", registry.address)
    folder.mkdir(parents=True)
    assert registry.ca
    (folder / "ca.crt").write_bytes(registry.ca.read_bytes())


def skopeo(place: Place, *words: str) -> str:
    return subprocess.run(
        ["skopeo", *words], env=place.env, check=True, capture_output=True, text=True
    ).stdout


def test_a_version_is_pushed_and_read_by_others(place: Place, guarded: Registry) -> None:
    program = Path("/usr/bin/catatonit").read_bytes()  # static, and podman's own
    for reference in ("localhost/paddle:1", "localhost/paddle:1-noavx"):
        place.image(reference, program, reference.encode())
    place.log_in(guarded)
    to = f"{guarded.address}/team/paddle"
    words = ("push", "paddle", "--to", to, f"--ca={guarded.ca}", "--json")
    pushed = {row["there"]: row for row in json.loads(place.succeeds(*words))}
    assert sorted(pushed) == [f"{to}:1", f"{to}:1-noavx"]
    assert all(row["changed"] for row in pushed.values())
    assert guarded.tags("team/paddle") == ["1", "1-noavx"]
    trusted(place, guarded)
    # All platforms, and the layers compressed; the images' own files are the same.
    index = json.loads(skopeo(place, "inspect", "--raw", f"docker://{to}:1-noavx"))
    assert {m["platform"]["architecture"] for m in index["manifests"]} == {"amd64", "arm64"}
    found = json.loads(skopeo(place, "inspect", f"docker://{to}:1-noavx"))
    assert found["Labels"] == {"title": "localhost/paddle:1-noavx"}
    assert found["Digest"] == pushed[f"{to}:1-noavx"]["digest"]
    one = f"docker://{to}@{index['manifests'][0]['digest']}"
    manifest = json.loads(skopeo(place, "inspect", "--raw", one))
    kinds = {layer["mediaType"] for layer in manifest["layers"]}
    assert kinds == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pdb-") as run:  # podman wants it short
        podman = ["podman", f"--root={place.folder}/root", f"--runroot={run}", f"--tmpdir={run}/t"]
        ran = subprocess.run(
            [*podman, "--storage-driver=vfs", "run", "--rm", *limits(), "--network=none", f"{to}:1",
             f"/{small.named(program)}", "-V"],
            env=place.env, capture_output=True, text=True,
        )  # fmt: skip
    assert ran.returncode == 0 and "catatonit" in ran.stdout, ran.stderr


def test_nothing_is_sent_twice(place: Place, guarded: Registry) -> None:
    shared = os.urandom(200_000)
    place.image("localhost/again:1", shared)
    place.log_in(guarded)
    access = (f"--ca={guarded.ca}",)
    place.succeeds("push", "again:1", "--to", f"{guarded.address}/again/one", *access)
    sent = guarded.requests("PATCH")
    told = place.succeeds("push", "again:1", "--to", f"{guarded.address}/again/one", *access)
    assert guarded.requests("PATCH") == sent and "as it was" in told
    # Of another image only what is new; and into another repository its layers are mounted, and
    # only the configurations sent, which are some hundred bytes each.
    place.image("localhost/again:2", shared, b"new")
    place.succeeds("push", "again:2", "--to", f"{guarded.address}/again/one", *access)
    assert guarded.requests("PATCH") == sent + 1 + 2  # the layer, and the configurations
    place.succeeds("push", "again:2", "--to", f"{guarded.address}/again/two", *access)
    assert guarded.requests("PATCH") == sent + 3 + 2
    assert guarded.tags("again/two") == ["2"]


_PROGRAM = """
import sys
import pdbuild
to, ca = sys.argv[1:]
job = pdbuild.push("squares", to=to, ca=ca)
moved = [event for event in job if isinstance(event, pdbuild.Transfer)]
assert moved and moved[-1].what.startswith("to "), list(job)
(pushed,) = job.result()
assert pushed.changed
pulled = pdbuild.pull(pushed.there, ca=ca).result()
assert pulled == pdbuild.Pulled(reference=pushed.there, new=True)
try:
    pdbuild.push("squares", to=to).result()
except pdbuild.EngineError as error:
    print(error.hint)
"""


def test_a_program_pushes_and_pulls(place: Place, guarded: Registry) -> None:
    place.image("localhost/squares:3", b"a layer")
    place.log_in(guarded)
    to = f"{guarded.address}/team/program"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, to, str(guarded.ca)],
        env=place.env, cwd=place.folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--ca" in done.stdout
    assert done.stderr == ""
    assert guarded.tags("team/program") == ["3"]


def test_who_may_not_is_told_what_to_do(place: Place, guarded: Registry) -> None:
    place.image("localhost/x:1", b"x")
    to = f"{guarded.address}/refused/x"
    refused = place.pdbuild("push", "x:1", "--to", to, f"--ca={guarded.ca}")
    assert refused.returncode == 1
    assert f"{guarded.address} does not know you" in refused.stderr
    assert f"hint: podman login {guarded.address}" in refused.stderr
    unknown = place.pdbuild("push", "x:1", "--to", to)
    assert unknown.returncode == 1 and "hint: --ca FILE" in unknown.stderr
    assert guarded.tags("refused/x") == []


def test_plain_http_only_when_asked(place: Place, tmp_path: Path) -> None:
    place.image("localhost/x:1", b"x")
    with small.registry(tmp_path / "plain") as plain:
        to = f"{plain.address}/x"
        refused = place.pdbuild("push", "x:1", "--to", to)
        assert refused.returncode == 1 and plain.tags("x") == []
        assert f"{plain.address} speaks plain http" in refused.stderr
        assert "hint: --insecure allows that" in refused.stderr
        place.succeeds("push", "x:1", "--to", to, "--insecure")
        assert plain.tags("x") == ["1"]


@pytest.mark.parametrize("key", ["credsStore", "credHelpers", "auths"])
def test_dockers_own_credentials(place: Place, guarded: Registry, key: str) -> None:
    helper = place.folder / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(
        f'#!/bin/sh\nread -r host\n[ "$1 $host" = "get {guarded.address}" ] || exit 1\n'
        'echo \'{"Username": "someone", "Secret": "secret"}\'\n'
    )
    helper.chmod(0o755)
    values: dict[str, object] = {
        "credsStore": "test",
        "credHelpers": {guarded.address: "test"},
        "auths": {guarded.address: {"auth": base64.b64encode(b"someone:secret").decode()}},
    }
    docker = place.folder / "docker"
    docker.mkdir()
    (docker / "config.json").write_text(json.dumps({key: values[key]}))
    place.image("localhost/x:1", b"x")
    place.succeeds(
        "push", "x:1", "--to", f"{guarded.address}/by/{key.lower()}", f"--ca={guarded.ca}",
        DOCKER_CONFIG=str(docker), PATH=f"{helper.parent}:{place.env['PATH']}",
    )  # fmt: skip
    assert guarded.tags(f"by/{key.lower()}") == ["1"]


def test_what_was_pushed_is_pulled(place: Place, guarded: Registry, tmp_path: Path) -> None:
    shared = os.urandom(100_000)
    place.image("localhost/back:1", shared, b"one")
    place.log_in(guarded)
    to = f"{guarded.address}/back"
    place.succeeds("push", "back:1", "--to", to, f"--ca={guarded.ca}")
    other = Place(tmp_path / "other", small.only(tmp_path / "other"))
    refused = other.pdbuild("pull", f"{to}:1", f"--ca={guarded.ca}")
    assert refused.returncode == 1 and "does not know you" in refused.stderr
    other.log_in(guarded)
    assert other.succeeds("pull", f"{to}:1", f"--ca={guarded.ca}") == f"{to}:1\n"
    assert other.store.platforms(f"{to}:1") == ("linux/amd64", "linux/arm64")
    remote = skopeo_digest(place, guarded, f"{to}:1")
    assert other.store.entry(f"{to}:1").digest == remote
    fetched = guarded.requests("GET")
    assert "was there already" in other.succeeds("pull", f"{to}:1", f"--ca={guarded.ca}")
    blobs = guarded.log.read_text().count('"GET /v2/back/blobs/')
    # Another version brings only what is new.
    place.image("localhost/back:2", shared, b"two")
    place.succeeds("push", "back:2", "--to", to, f"--ca={guarded.ca}")
    other.succeeds("pull", f"{to}:2", f"--ca={guarded.ca}", "--platform=linux/arm64")
    new = guarded.log.read_text().count('"GET /v2/back/blobs/') - blobs
    assert fetched and new == 2  # the layer "two" and the configuration
    assert other.store.platforms(f"{to}:2") == ("linux/arm64",)
    missing = other.pdbuild("pull", f"{to}:3", f"--ca={guarded.ca}")
    assert missing.returncode == 1 and "has no such image" in missing.stderr
    assert not any(Path(other.env["PDBUILD_DATA_DIR"], "pulling").glob("*[!k]"))


def test_archives_are_the_same_and_others_read_them(place: Place, tmp_path: Path) -> None:
    place.image("localhost/kept:1", os.urandom(50_000))
    for form, reads in (("oci", "oci-archive"), ("docker", "docker-archive"), ("dir", "oci")):
        for name in ("one", "two"):
            out = f"--out={tmp_path}/{form}-{name}"
            place.succeeds("save", "kept:1", f"--format={form}", out, "--platform=linux/arm64"
                           if form == "docker" else "--platform=")  # fmt: skip
        found = skopeo(place, "--override-arch=arm64", "inspect", "--config", "--raw",
                       f"{reads}:{tmp_path}/{form}-one:localhost/kept:1")  # fmt: skip
        assert json.loads(found)["architecture"] == "arm64"
        if form != "dir":
            first, second = (Path(tmp_path, f"{form}-{n}").read_bytes() for n in ("one", "two"))
            assert first == second
        other = Place(tmp_path / f"other-{form}", small.only(tmp_path / f"other-{form}"))
        assert other.succeeds("load", f"{tmp_path}/{form}-one") == "localhost/kept:1\n"
        both = ("linux/amd64", "linux/arm64")
        assert other.store.platforms("localhost/kept:1") == (both[1:] if form == "docker" else both)
        mine = {image.platform: image.config_digest for image in place.store.images()}
        theirs = {image.platform: image.config_digest for image in other.store.images()}
        assert form == "docker" or theirs == mine


def skopeo_digest(place: Place, registry: Registry, reference: str) -> str:
    trusted(place, registry)
    raw = skopeo(place, "inspect", "--raw", f"docker://{reference}")
    return f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"
