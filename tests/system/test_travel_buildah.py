"""What travels with Buildah: objects, by a remote cache."""

import os
from pathlib import Path

import pytest

from .conftest import User
from .project import Project, sample

BUILDAH = "--engine=buildah"


def told(project: Project, shared: Path) -> list[str]:
    """What the last bake's steps said of the remote cache: the counts."""
    log = project.succeeds("log").splitlines()
    mark = f"compile cache file:{shared}: "
    return [line.partition(mark)[2] for line in log if mark in line]


@pytest.mark.long
def test_objects_travel(user: User, pdbuild_python: Path, engines: Path) -> None:
    shared = user.home / f"objects-{os.urandom(3).hex()}"
    remote = {"PDBUILD_CACHE": f"file:{shared}"}
    one, two = (sample(user, pdbuild_python, "hello", f"{n}-{shared.name}") for n in ("one", "two"))
    for project in (one, two):  # each has caches of its own
        recipe = (project.root / "pdbuild.toml").read_text()
        name = f"hello-{project.root.name}"
        project.written("pdbuild.toml", recipe.replace('name = "hello"', f'name = "{name}"'))
    one.succeeds("bake", "binaries", BUILDAH, env=remote)
    first = told(one, shared)
    assert first and first[0].startswith("0 found, ") and not first[0].endswith(" 0 writes")
    assert list(shared.rglob("*"))
    two.succeeds("bake", "binaries", BUILDAH, env={"PDBUILD_CACHE": f"file:{shared}|read-only"})
    found = told(two, shared)[0]
    assert not found.startswith("0 ") and found.endswith(" found, 0 writes")
