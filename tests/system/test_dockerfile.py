"""build/Dockerfile makes the production image from what build/ has, by plain tools, offline."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import User
from .project import Project, sample
from .test_plain_tools import held

# What each tool runs, verbatim where it can be; the image is then in podman's storage, or in
# image.tar. BuildKit's commands get a buildkitd of the user's, and none of pdbuild's files.
REMOTE = (
    "buildx create --name plain --driver remote $BUILDKIT_HOST >/dev/null 2>&1; "
    "trap 'buildx rm plain >/dev/null 2>&1' EXIT; "
)
TOOLS = {
    "podman": "podman build --network=none -t greet -f build/Dockerfile .",
    "buildah": "buildah bud --network=none -t greet -f build/Dockerfile .",
    "buildx": REMOTE + "buildx build --builder plain --network=none -t greet "
    "-f build/Dockerfile --output=type=oci,dest=image.tar --progress=plain . 2>&1",
    "buildctl": "buildctl build --frontend=dockerfile.v0 --local context=. "
    "--local dockerfile=build --opt force-network-mode=none --output=type=oci,dest=image.tar "
    "--progress=plain 2>&1",
    # The client alone: there need be no Docker engine.
    "docker": REMOTE
    + "mkdir -p docker/cli-plugins; ln -sf $(command -v buildx) docker/cli-plugins/docker-buildx; "
    "export DOCKER_CONFIG=$PWD/docker BUILDX_CONFIG=${BUILDX_CONFIG:-$HOME/.docker/buildx} "
    "BUILDX_BUILDER=plain; "
    "docker build --network=none -t greet -f build/Dockerfile . "
    "--output=type=oci,dest=image.tar --progress=plain 2>&1",
}


@pytest.fixture(scope="module")
def greet(user: User, pdbuild_python: Path, engines: Path) -> Iterator[Project]:
    """The small make project, with all that build/Dockerfile needs and much that it does not."""
    made = sample(user, pdbuild_python, "make", f"greet-dockerfile-{os.urandom(3).hex()}")
    made.bake("binaries", "images", "rootfs", "rootfs-english", "rootfs-french")
    made.written("build/dev/ccache/big", os.urandom(20_000_000).hex())
    made.written(".dockerignore", "build\n")  # as many projects have it
    yield made
    shutil.rmtree(made.root)


Entry = tuple[Any, ...]


def _loaded(content: bytes) -> bytes:
    """Of a program or library what is loaded to run it: a package's has a link to its debug
    symbols besides. Anything else as it is.
    """
    if not content.startswith(b"\x7fELF"):
        return content
    name = hashlib.sha256(content).hexdigest()
    if name not in _LOADED:
        with tempfile.TemporaryDirectory() as folder:
            whole, part = Path(folder, "whole"), Path(folder, "part")
            whole.write_bytes(content)
            subprocess.run(["objcopy", "-O", "binary", whole, part], check=True)
            _LOADED[name] = part.read_bytes()
    return _LOADED[name]


_LOADED: dict[str, bytes] = {}


def tree(project: Project, image: str) -> dict[str, Entry]:
    """The files of an image as a container sees them: type, mode, owner, link or content."""
    archive = project.root / "tree.tar"
    name = f"tree-{os.urandom(4).hex()}"
    project.runs("podman", "create", "--quiet", "--name", name, image, "none")
    project.runs("podman", "export", "--output", str(archive), name)
    project.runs("podman", "rm", name)
    found: dict[str, Entry] = {}
    with tarfile.open(archive) as files:
        for file in files:
            content = files.extractfile(file) if file.isreg() else None
            digest = hashlib.sha256(_loaded(content.read())).hexdigest() if content else ""
            kind = (file.type, file.mode, file.uid, file.gid, file.linkname, digest)
            found[file.name.rstrip("/")] = kind
    archive.unlink()
    return found


def differences(one: dict[str, Entry], other: dict[str, Entry]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def loaded(project: Project, name: str) -> str:
    """The image that a tool has made, as podman knows it."""
    archive = project.root / "image.tar"
    if archive.exists():
        name = project.runs("podman", "load", "--quiet", "--input", str(archive)).split()[-1]
        archive.unlink()
    return name


# What docs/images.md says of it: the package is not in the database of packages.
def documented(package: str) -> set[str]:
    lists = {f"var/lib/dpkg/info/{package}.{kind}" for kind in ("list", "md5sums")}
    return {"var/lib/dpkg/status"} | lists


@pytest.mark.parametrize("tool", TOOLS)
def test_a_plain_tool_makes_the_same_image(greet: Project, tool: str) -> None:
    if tool == "docker" and not shutil.which("docker"):
        pytest.skip("NOT RUN: there is no docker client here")
    said = held(greet, TOOLS[tool])
    sent = re.findall(r"transferring context: ([\d.]+)([kM]?)B", said)
    if tool in ("buildx", "buildctl", "docker"):
        assert sent, said
        rootfs = (greet.root / "build/rootfs.tar").stat().st_size
        most = sum(float(n) * {"": 1, "k": 1e3, "M": 1e6}[unit] for n, unit in sent[-1:])
        assert most < rootfs + 1_000_000, said
    image = loaded(greet, "localhost/greet")
    assert greet.runs("podman", "run", "--rm", "--network=none", image) == "Hello, world!\n"
    assert differences(tree(greet, image), tree(greet, "localhost/greet:1.2.0")) == documented(
        "greet"
    )
    greet.runs("podman", "rmi", "--force", image)


def test_the_variant_is_an_argument_and_one_that_is_not_there_an_error(greet: Project) -> None:
    build = ["podman", "build", "--network=none", "-t", "bonjour", "-f", "build/Dockerfile"]
    greet.runs(*build, "--build-arg", "VARIANT=french", ".")
    assert greet.runs("podman", "run", "--rm", "bonjour") == "Bonjour, world!\n"
    labels = greet.runs("podman", "inspect", "--format", "{{json .Config.Labels}}", "bonjour")
    assert json.loads(labels)["org.pdbuild.variant"] == "french"
    greet.runs("podman", "rmi", "bonjour")
    refused = greet.user.run([*build, "--build-arg", "VARIANT=german", "."], cwd=greet.root)
    assert refused.returncode != 0
    assert "german" in refused.stderr
