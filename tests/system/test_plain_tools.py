"""The definition builds without pdbuild, and the host's secrets stay out of every layer."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import Project

# Holds this user's buildkitd while a plain command uses it.
HOLD = """
import os, subprocess, sys
from pdbuild import tools
from pdbuild.engine import daemon
with daemon.join() as running:
    folder = os.path.dirname(tools.require("buildx", reason="test").path)
    env = os.environ | {"BUILDKIT_HOST": running.address, "PATH": f"{folder}:{os.environ['PATH']}"}
    sys.exit(subprocess.call(sys.argv[1:], env=env))
"""


def held(project: Project, script: str) -> str:
    """Run a shell script with buildx and buildctl on PATH and BUILDKIT_HOST set."""
    python = str(project.program.parent / "python")
    return project.runs(python, "-c", HOLD, "bash", "-euo", "pipefail", "-c", script)


def test_the_printed_bake_file_builds_with_buildx_alone(greet: Project) -> None:
    greet.pdbuild("bake", "binaries-english")  # bootstraps the base
    bake = greet.succeeds("bake", "binaries", "--print")
    greet.written("printed.json", bake)
    greet.runs("rm", "-rf", "build")
    held(
        greet,
        "buildx create --name plain --driver remote $BUILDKIT_HOST >/dev/null; "
        "buildx bake --builder plain --allow fs=* -f printed.json --progress=plain 2>&1 | tail -5; "
        "buildx rm plain >/dev/null 2>&1",
    )
    assert (greet.root / "build/english/bin/greet").exists()
    assert (greet.root / "build/french/bin/greet").exists()


def test_the_printed_containerfile_builds_with_buildctl_alone(greet: Project) -> None:
    greet.pdbuild("bake", "binaries-english")
    greet.written("Containerfile", greet.succeeds("bake", "--print=containerfile", "binaries"))
    (base,) = (greet.user.home / ".local/share/pdbuild/bases").glob("trixie-*")
    digest = json.loads((base / "index.json").read_text())["manifests"][0]["digest"]
    hooks = greet.runs(
        str(greet.program.parent / "python"),
        "-c",
        "from pdbuild import shipped; print(shipped.hooks_dir())",
    ).strip()
    greet.runs("cp", "-r", hooks, "hooks")
    held(
        greet,
        "buildctl build --frontend=dockerfile.v0 --local context=. --local dockerfile=. "
        "--opt filename=Containerfile --opt target=binaries-french "
        f"--oci-layout base={base} "
        f"--opt context:debian:trixie-slim=oci-layout://base@{digest} "
        "--output type=local,dest=out --progress=plain 2>&1 | tail -5",
    )
    assert (greet.root / "out/bin/greet").exists()


def test_a_builder_of_the_users_own_is_used(greet: Project) -> None:
    program = f"{greet.program} bake binaries-english --builder mine --progress=plain"
    held(
        greet,
        "buildx create --name mine --driver remote $BUILDKIT_HOST >/dev/null; "
        f"{program} 2>&1 | tail -3; buildx rm mine >/dev/null 2>&1",
    )
    assert (greet.root / "build/english/bin/greet").exists()
    done = greet.pdbuild("bake", "binaries-english", "--builder", "nobodys")
    assert done.returncode == 1
    assert "nobodys" in done.stderr


@contextlib.contextmanager
def mirror() -> Iterator[tuple[str, list[str]]]:
    """A mirror on loopback of the archive that this host uses; and what was asked of it."""
    upstream = {}
    for line in Path("/etc/apt").rglob("*"):
        if line.suffix in (".list", ".sources"):
            for found in re.finditer(r"https?://[^\s]+", line.read_text()):
                address = found[0].rstrip("/")
                upstream.setdefault("/" + address.rpartition("/")[2], address)
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            top = "/" + self.path.split("/")[1]
            try:
                with urllib.request.urlopen(upstream[top] + self.path[len(top) :]) as answer:
                    self.send_response(200)
                    self.send_header("Content-Length", answer.headers["Content-Length"])
                    self.end_headers()
                    while chunk := answer.read(1 << 16):
                        self.wfile.write(chunk)
            except (KeyError, urllib.error.HTTPError):
                self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/debian", asked
    finally:
        server.shutdown()
        server.server_close()


def test_mirrors_proxies_and_the_ca_serve_the_steps_and_stay_in_no_layer(greet: Project) -> None:
    marker = f"marker-{os.urandom(8).hex()}"
    bundle = greet.written("ca.crt", Path("/etc/ssl/certs/ca-certificates.crt").read_text())
    bundle.write_text(bundle.read_text() + f"\n# {marker}\n")
    greet.written("ci/build.sh", SHOWS + (greet.root / "ci/build.sh").read_text())
    env = {
        "SSL_CERT_FILE": str(bundle),
        "no_proxy": f"127.0.0.1,{marker}.invalid",
        "PDBUILD_DATA_DIR": f"{greet.root}/data",  # nothing is there yet: all is downloaded
    }
    engines = greet.user.home / ".local/share/pdbuild/engines"
    greet.runs("mkdir", "data")
    greet.runs("ln", "-s", str(engines), "data/engines")
    with mirror() as (address, asked):
        recipe = (greet.root / "pdbuild.toml").read_text()
        # One package more, or its step would be found in the cache.
        recipe = recipe.replace('["make"]', '["make", "hello"]')
        greet.written("pdbuild.toml", f'{recipe}\n[mirrors]\napt = "{address}"\n')
        done = greet.pdbuild("bake", "all", "--progress=plain", env=env, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]
    assert any("/dists/trixie/" in path for path in asked)  # the base
    assert any("/hello_" in path for path in asked)  # the toolchain
    port = address.split(":")[2].split("/")[0]
    searched = 0
    for layout in (greet.root / "data/exports").glob("*/*/blobs/sha256/*"):
        searched += 1
        for text in (marker, f"127.0.0.1:{port}"):
            found = subprocess.run(["grep", "-qaF", text, layout], check=False)
            assert found.returncode == 1, f"{text} is in {layout}"
    assert searched > 10
    assert (greet.root / "build/english/bin/greet").exists()


# The compile step, which downloads nothing, is given neither.
SHOWS = """#!/bin/bash
if [ -e /run/secrets/ca ] || env | grep -qi 'proxy\\|mirror'; then
    echo "the step sees what it does not need" >&2
    exit 1
fi
"""


# tests/hooks builds with all of them.
@pytest.mark.parametrize(
    "recipe",
    [
        *("make", "python"),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("autotools", "meson")),
    ],
)
def test_other_projects_bake_too(
    recipe: str, user: object, pdbuild_python: Path, engines: Path
) -> None:
    from .conftest import User
    from .project import sample

    assert isinstance(user, User)
    project = sample(user, pdbuild_python, recipe, f"other-{recipe}")
    # The autotools sample names a second platform, which needs a builder that has it.
    rows = project.bake("all", "--platform", "linux/amd64")
    debs = [row for name, row in rows.items() if name.startswith("deb-")]
    assert len(debs) >= 1 or recipe == "meson"
    for row in debs:
        assert (project.root / row["where"]).is_file()
    build = project.root / "build"
    if recipe == "meson":
        for variant, linked_by_mold in (("soft", True), ("loud", False)):
            program = (build / variant / "bin/chime").read_bytes()
            assert (b"mold" in program) == linked_by_mold
        library = next((build / "loud").rglob("libchime.so.1"))
        said = project.runs("env", f"LD_LIBRARY_PATH={library.parent}", "build/loud/bin/chime", "2")
        assert said == "DONG DONG\n"
        project.bake("binaries", "--set", "TEST=ON", "--set", "launcher=none")
    if recipe == "python":
        listed = project.runs("dpkg-deb", "--contents", debs[0]["where"])
        for name in ("__init__.py", "_scale.cpython-"):
            assert f" ./usr/lib/python3/dist-packages/parcel/{name}" in listed
        assert " ./usr/bin/parcel\n" in listed and "RECORD" not in listed
        project.bake("binaries", "--set", "TEST=ON", "--set", "GRAMS=ON")
