"""What travels with Buildah: objects by a remote cache, and all else in a file."""

import os
from pathlib import Path

from .conftest import User
from .project import Project, sample

BUILDAH = "--engine=buildah"


def told(project: Project, shared: Path) -> list[str]:
    """What the last bake's steps said of the remote cache: the counts."""
    log = project.succeeds("log").splitlines()
    mark = f"compile cache file:{shared}: "
    return [line.partition(mark)[2] for line in log if mark in line]


def test_objects_and_layers_travel(user: User, pdbuild_python: Path, engines: Path) -> None:
    shared = user.home / f"objects-{os.urandom(3).hex()}"
    remote = {"PDBUILD_CACHE": f"file:{shared}"}
    one, two = (sample(user, pdbuild_python, "make", f"{n}-{shared.name}") for n in ("one", "two"))
    for project in (one, two):  # each has caches of its own
        recipe = (project.root / "pdbuild.toml").read_text()
        name = f"greet-{project.root.name}"
        project.written("pdbuild.toml", recipe.replace('name = "greet"', f'name = "{name}"'))
    one.succeeds("bake", "binaries", BUILDAH, env=remote)
    first = told(one, shared)
    assert first and first[0].startswith("0 found, ") and not first[0].endswith(" 0 writes")
    assert list(shared.rglob("*"))
    two.succeeds("bake", "binaries", BUILDAH, env={"PDBUILD_CACHE": f"file:{shared}|read-only"})
    found = told(two, shared)[0]
    assert not found.startswith("0 ") and found.endswith(" found, 0 writes")

    archive = one.root / "build/cache.tar.zst"
    one.succeeds("cache", "export", BUILDAH, str(archive), "binaries")
    made = (one.root / "build/english/bin/greet").read_bytes()
    elsewhere = {
        f"PDBUILD_{kind}_DIR": str(user.home / f"{kind}-{shared.name}")
        for kind in ("CACHE", "RUNTIME")
    }
    one.succeeds("cache", "import", BUILDAH, str(archive), env=elsewhere)
    one.succeeds("bake", "binaries", BUILDAH, "--again", env=elsewhere)
    assert one.ran() == []
    assert (one.root / "build/english/bin/greet").read_bytes() == made
    # What has changed is compiled, and what has not is found among the objects.
    main = one.root / "src/main.c"
    one.written("src/main.c", main.read_text() + "\nint more(void) { return 1; }\n")
    one.succeeds("bake", "binaries-english", BUILDAH, env=elsewhere)
    assert one.ran() == ["build-english"]
    one.succeeds("prune", "--caches", env=elsewhere)
