"""A base that is not bootstrapped comes from the registry that [mirrors] names, by both engines.

It has an own authority's certificate and wants a password, which the user has given podman.
"""

import os
import shutil
from pathlib import Path

import pytest

from pdbuild.base import architecture, ensure

from .conftest import User
from .guarded import Guarded, guarded
from .project import Project, sample

__all__ = ["guarded"]

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
def registry(guarded: Guarded) -> Guarded:
    """A registry on this machine, with Debian's base as `hub/library/debian:nowhere-else`."""
    base = ensure("trixie", architecture(), mirror="", say=print)
    guarded.take(base.layout, "hub/library/debian:nowhere-else")
    return guarded


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_the_base_comes_from_the_mirror(
    engine: str, registry: Guarded, user: User, pdbuild_python: Path, engines: Path
) -> None:
    made: Project = sample(user, pdbuild_python, "make", f"mirrored-{os.urandom(3).hex()}")
    made.written("pdbuild.toml", RECIPE.format(registry=registry.registry.address))
    made.succeeds("bake", "rootfs", f"--engine={engine}", env=registry.env)
    assert (made.root / "build/rootfs.tar").stat().st_size > 5_000_000
    # Nobody else has it.
    made.written(
        "pdbuild.toml", RECIPE.format(registry=registry.registry.address).replace("/hub", "/other")
    )
    refused = made.pdbuild("bake", "rootfs", f"--engine={engine}", env=registry.env)
    assert refused.returncode == 1 and "other/library/debian" in refused.stderr
    shutil.rmtree(made.root)
