"""What travels with Buildah: objects by a remote cache, and layers in a file or a folder."""

import os
import shutil
import subprocess
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


@pytest.mark.long
def test_what_one_account_has_baked_another_bakes_without_a_step(
    user: User, newcomer: User, pdbuild_python: Path
) -> None:
    one = sample(user, pdbuild_python, "hello", f"travels-{os.urandom(3).hex()}")
    one.succeeds("bake", "binaries", BUILDAH)
    one.succeeds("cache", "export", "build/cache.tar.zst", "binaries", BUILDAH)
    kept = user.home / f"layers-{one.root.name}"
    one.succeeds("bake", "binaries", BUILDAH, f"--cache-to={kept}")

    other = sample(newcomer, pdbuild_python, "hello", "hello")
    (other.root / "build").mkdir()
    brought = other.root / "build/cache.tar.zst"
    shutil.copy(one.root / "build/cache.tar.zst", brought)
    subprocess.run(["chown", "-R", f"{newcomer.name}:", other.root], check=True)
    other.succeeds("cache", "import", "build/cache.tar.zst", BUILDAH)
    other.succeeds("bake", "binaries", BUILDAH)
    assert other.ran() == []
    made = (one.root / "build/quiet/bin/hello").read_bytes()
    assert (other.root / "build/quiet/bin/hello").read_bytes() == made

    # After an edit the tools are there.
    words = (other.root / "src/words.c").read_text()
    other.written("src/words.c", words + "\nint more(void) { return 1; }\n")
    other.succeeds("bake", "binaries", BUILDAH)
    assert set(other.ran()) == {"build-quiet", "build-loud"}

    # From a folder, in a place where the base has been there before.
    shutil.rmtree(one.root / "build")
    env = {"PDBUILD_CACHE_DIR": str(user.home / "elsewhere")}
    one.succeeds("cache", "export", "build/none.tar.zst", "binaries", BUILDAH, env=env)
    one.succeeds("bake", "binaries", BUILDAH, f"--cache-from={kept}", env=env)
    assert one.ran() == []
    assert (one.root / "build/quiet/bin/hello").read_bytes() == made
    one.succeeds("prune", "--caches", env=env)
