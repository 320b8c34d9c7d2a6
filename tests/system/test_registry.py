"""A base that is not bootstrapped comes from the registry that [mirrors] names, by both engines."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.base import architecture, ensure

from . import small
from .conftest import User
from .project import Project, sample

RECIPE = """
[project]
name = "greet"
version = "1"
[build]
hook = "ci/build.sh"
[base]
image = "debian:nowhere-else"
bootstrap = false
[image]
[mirrors]
registry = "{registry}/hub"
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine, with Debian's base as `hub/library/debian:nowhere-else`."""
    skopeo = shutil.which("skopeo")
    assert skopeo, "scripts/setup test installs it"
    base = ensure("trixie", architecture(), mirror="", say=print)
    with small.registry(tmp_path_factory.mktemp("registry")) as serving:
        subprocess.run(
            [skopeo, "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
             f"oci:{base.layout}",
             f"docker://{serving.address}/hub/library/debian:nowhere-else"],
            check=True,
        )  # fmt: skip
        yield serving.address


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_the_base_comes_from_the_mirror(
    engine: str, registry: str, user: User, pdbuild_python: Path, engines: Path
) -> None:
    made: Project = sample(user, pdbuild_python, "make", f"mirrored-{os.urandom(3).hex()}")
    made.written("pdbuild.toml", RECIPE.format(registry=registry))
    made.bake("rootfs", f"--engine={engine}")
    assert (made.root / "build/rootfs.tar").stat().st_size > 5_000_000
    # Nobody else has it.
    made.written("pdbuild.toml", RECIPE.format(registry=registry).replace("/hub", "/other"))
    refused = made.pdbuild("bake", "rootfs", f"--engine={engine}")
    assert refused.returncode == 1 and "other/library/debian" in refused.stderr
    shutil.rmtree(made.root)
