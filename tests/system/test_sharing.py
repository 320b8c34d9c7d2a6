"""Several pdbuilds at once: of one user, and of two users on one node."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import User
from .project import BUILDKIT_MOSTLY, Project, left_over, sample

ENGINES = ("buildkit", "buildah")

# Counts in the build tree how often a variant was compiled, and tells it in the output.
COUNTING = """#!/bin/bash
set -euo pipefail
echo run >>"$PDBUILD_TREE/runs"
make -C "$PDBUILD_SOURCE" O="$PDBUILD_TREE" PREFIX="$PDBUILD_PREFIX" GREETING="$GREETING" \\
    DESTDIR="$PDBUILD_OUTPUT" install
install -D -m 0644 "$PDBUILD_TREE/runs" "$PDBUILD_OUTPUT$PDBUILD_PREFIX/share/greet/runs"
"""

# `all` twice, and parts of it.
TARGETS = (("all",), ("all",), ("debs",), ("binaries-french", "image-english"))


@pytest.fixture
def counting(greet: Project) -> Iterator[Project]:
    """The make project, which tells how often it was compiled."""
    greet.written("ci/build.sh", COUNTING)
    yield greet


def finish(process: "subprocess.Popen[str]") -> None:
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said[-4000:]
    assert "Traceback" not in said


def nothing_is_left(project: Project, env: dict[str, str]) -> None:
    assert left_over(project.user) == []
    assert list((project.root / "build").glob(".pdbuild-*")) == []
    cache = Path(env["PDBUILD_CACHE_DIR"])
    assert list(cache.glob("buildah/.partial-*")) == []
    assert list(cache.glob("buildah/*/runs/*")) == []


@pytest.mark.parametrize("engine", BUILDKIT_MOSTLY)
def test_four_at_once_do_the_work_of_one(counting: Project, engine: str) -> None:
    # The base is there, and nothing else.
    counting.succeeds("bake", "rootfs", f"--engine={engine}", "--progress=plain")

    shared = {"PDBUILD_CACHE_DIR": f"{counting.user.home}/cold/{engine}"}
    four = [
        counting.start("bake", *targets, f"--engine={engine}", "-q", env=shared)
        for targets in TARGETS
    ]
    for process in four:
        finish(process)

    nothing_is_left(counting, shared)
    build = counting.root / "build"
    for variant in ("english", "french"):
        assert (build / variant / "share/greet/runs").read_text() == "run\n", "compiled twice"
    for tag in ("1.2.0", "1.2.0-french"):
        listed = counting.runs("dpkg-deb", "--contents", f"build/greet-{tag}.deb")
        assert "./usr/bin/greet" in listed
    artifacts = json.loads((build / "artifacts.json").read_text())
    assert artifacts
    assert "Hello" in counting.succeeds("run", "greet", "all")
    # Gigabytes that nobody needs again.
    counting.runs("podman", "unshare", "rm", "-rf", shared["PDBUILD_CACHE_DIR"])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_target_of_two_checkouts_at_once(
    user: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    # Cache mounts are shared by all projects of a user: each must get its own build tree.
    first = sample(user, pdbuild_python, "make", f"one-{engine}")
    second = sample(user, pdbuild_python, "make", f"two-{engine}")
    second.written("src/en.h", '#pragma once\n#define HELLO "Good day"\n')
    both = [p.start("bake", "binaries", f"--engine={engine}", "-q") for p in (first, second)]
    for process in both:
        finish(process)
    # A warm tree: the source is the same, and make sees no other compiler.
    library = first.root / "build/english/lib/libgreet.so.1"
    assert b"__cyg_profile_func_enter" not in library.read_bytes()
    recipe = (first.root / "pdbuild.toml").read_text()
    first.written(
        "pdbuild.toml", recipe.replace('"ccache gcc"', '"ccache gcc -finstrument-functions"')
    )
    first.bake("binaries", f"--engine={engine}")
    assert b"__cyg_profile_func_enter" in library.read_bytes()
    said = []
    for project in (first, second):
        library = f"LD_LIBRARY_PATH={project.root / 'build/english/lib'}"
        said.append(project.runs("env", library, "build/english/bin/greet", "you"))
        project.runs("rm", "-rf", str(project.root))
    assert said[0].startswith("Hello") and said[1].startswith("Good day")


def test_two_users_on_one_node(
    user: User, bare_user: User, pdbuild_python: Path, engines: Path
) -> None:
    projects = [sample(u, pdbuild_python, "make", "shared-node") for u in (user, bare_user)]
    running = [project.start("bake", "all", "-q") for project in projects]
    for process in running:
        finish(process)
    for project in projects:
        build = project.root / "build"
        assert [p for p in build.rglob("*") if p.lstat().st_uid != project.user.uid] == []
        assert "Hello" in project.succeeds("run", "greet", "you")
        nothing_is_left(project, {"PDBUILD_CACHE_DIR": f"{project.user.home}/.cache/pdbuild"})
        # Neither can look into the other's sockets.
        other = next(p.user for p in projects if p is not project)
        if Path(f"/tmp/pdbuild-{other.uid}").exists():
            assert project.user.run(["ls", f"/tmp/pdbuild-{other.uid}"]).returncode != 0
        project.runs("rm", "-rf", str(project.root))
