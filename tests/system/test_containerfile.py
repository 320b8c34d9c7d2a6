"""The root Containerfile as the seed has it: `docker build -t paddle:dev .`, then the build.

With podman for docker, as a user without root who has no pdbuild; the base is tagged locally, as
there is no registry.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.oci import Layout

from .conftest import User, make_user, remove_user
from .project import Project, checkout, give

CA = "/etc/ssl/certs/ca-certificates.crt"
BASE = (
    "from pdbuild import base; print(base.ensure('trixie', 'amd64', mirror='', say=print).layout)"
)


@pytest.fixture(scope="module")
def newcomer(user: User, pdbuild_python: Path) -> Iterator[Project]:
    """A clone of somebody else's, and the base as podman would have it from a registry."""
    someone = make_user(f"pdbseed{os.getpid()}", subordinate=True)
    project = checkout(someone, pdbuild_python, "paddle")
    # By itself Debian 12's podman takes vfs here, which copies the whole image for each step.
    storage = project.written(
        "../.config/containers/storage.conf", '[storage]\ndriver = "overlay"\n'
    )
    give(someone, storage.parents[1])
    layer = someone.home / "base.tar.gz"
    shutil.copy(base_layer(user, pdbuild_python), layer)
    layer.chmod(0o644)
    project.runs("podman", "import", str(layer), "docker.io/library/debian:trixie-slim")
    layer.unlink()
    yield project
    remove_user(someone)


def base_layer(user: User, python: Path) -> Path:
    done = user.run([python, "-c", BASE], timeout=600)
    assert done.returncode == 0, done.stderr
    layout = Layout(Path(done.stdout.splitlines()[-1]))
    (entry,) = layout.index()
    (manifest,) = layout.manifests(entry)
    (layer,) = manifest.layers
    return layout.blob(layer.digest)


# tests/docker has the same by Docker in every run.
@pytest.mark.long
def test_plain_podman_builds_the_dev_image_which_builds_the_project(newcomer: Project) -> None:
    # "docker build -t paddle:dev ." The network's particulars are this machine's.
    here = ("--network=host", f"--secret=id=ca,src={CA}")
    # Buildah 1.28 has the cache mounts of all users in one folder below TMPDIR.
    own = ("env", f"TMPDIR={newcomer.user.home}")
    build = ("podman", "build", "-t", "paddle:dev")
    newcomer.runs(*own, *build, *here, ".", timeout=900)
    # Nothing is missing that a step had mounted over.
    run = ("podman", "run", "--rm", "--network=host")
    places = ["/tmp", "/usr/lib/apt/methods", "/var/lib/apt", "/var/cache/apt"]
    newcomer.runs(*run, "paddle:dev", "ls", "-d", *places)
    # "docker run -it -v $PWD:/paddle paddle:dev", with no terminal here
    newcomer.runs(*run, "-v", f"{newcomer.root}:/paddle", "paddle:dev", timeout=600)
    # "we will see .deb packages generated in paddle/build on the host", and the Dockerfile
    build_folder = newcomer.root / "build"
    (package,) = build_folder.glob("paddle-[0-9]*.deb")
    assert (build_folder / "Dockerfile").exists()
    owners = {path.lstat().st_uid for path in (build_folder, *build_folder.rglob("*"))}
    assert owners == {newcomer.user.uid}
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True
    ).stdout
    assert "/usr/bin/paddle" in listed
