"""Where there is no network: all is carried there once, and comes out the same."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pdbuild.base import architecture, ensure
from pdbuild.oci import Layout
from pdbuild.platforms import native

from .conftest import User
from .forbidden import without_namespaces
from .guarded import Guarded, guarded
from .project import Project, checkout, give, sample

__all__ = ["guarded"]


def cut_off(
    project: Project, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pdbuild as the project's user, in a network namespace with nothing in it."""
    user = project.user
    inside = ("unshare", "--net", "setpriv", f"--reuid={user.uid}", f"--regid={user.uid}")
    return subprocess.run(
        [*inside, "--init-groups", project.program, *words],
        cwd=project.root, env=user.env | dict(env or {}), capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip


def with_nothing(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pdbuild as `cut_off` does, and without user namespaces."""
    argv = ["unshare", "--net", *without_namespaces(project.user), project.program, *words]
    return subprocess.run(
        argv, cwd=project.root, env=project.user.env, capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip


def outputs(project: Project, baked: str) -> dict[str, str]:
    """What a bake has made, by what it printed: digests of images, checksums of files.

    But for the development image, whose packages' scripts write files with the time of the moment.
    """
    made = {row["where"] for row in json.loads(baked)["rows"] if row["target"] != "dev"}
    images = json.loads(project.succeeds("images", "--json"))
    files = json.loads((project.root / "build/artifacts.json").read_text())["artifacts"]
    named = {f"{i['reference']}{end}": i["digest"] for i in images for end in _ends(i)}
    found = {name: digest for name, digest in named.items() if name in made}
    return found | {file["path"]: file["sha256"] for file in files if file["sha256"]}


def _ends(image: Mapping[str, str]) -> tuple[str, str]:
    """What follows a reference where a bake names an image: of another platform, that."""
    return "", f" ({image['platform']})"


def online(project: Project, *words: str) -> dict[str, str]:
    return outputs(project, project.succeeds("bake", "--json", *words))


def offline(project: Project, carried: Path, *words: str) -> dict[str, str]:
    done = cut_off(project, "bake", "--json", *words, f"--offline={carried}")
    assert done.returncode == 0, done.stderr[-4000:]
    return outputs(project, done.stdout)


# Nothing is compiled for it: an editor writes a file.
NOTES = """
[project]
name = "notes"
version = "1"
[toolchain]
blocks = []
packages = ["ed"]
[build]
hook = "ci/build.sh"
hardening = false
"""
WRITE = """#!/bin/bash
mkdir -p "$PDBUILD_OUTPUT$PDBUILD_PREFIX/share"
printf 'a\\nwritten by ed\\n.\\nw %s\\nq\\n' "$PDBUILD_OUTPUT$PDBUILD_PREFIX/share/notes" | ed -s
"""


def notes(user: User, python: Path, name: str, recipe: str = NOTES) -> Project:
    made = sample(user, python, "make", name)
    made.written("pdbuild.toml", recipe)
    made.written("ci/build.sh", WRITE)
    return made


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_a_small_recipe_without_a_network(
    user: User, newcomer: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    there = newcomer.home / "carried.tar"
    with_it = notes(user, pdbuild_python, f"notes-{engine}")
    words = (f"--engine={engine}", "binaries")
    with_it.succeeds("fetch", "--to", str(user.home / there.name), *words)
    shutil.move(user.home / there.name, there)
    give(newcomer, there)
    without = notes(newcomer, pdbuild_python, "notes")
    made = offline(without, there, *words)
    assert made == online(with_it, *words) and len(made) == 1
    (text,) = (without.root / "build").rglob("share/notes")
    assert text.read_text() == "written by ed\n"


OF_A_REGISTRY = """
[base]
image = "debian:nowhere-else"
bootstrap = false
[mirrors]
registry = "{registry}/hub"
"""


@pytest.mark.long
def test_a_registrys_base_is_carried(
    guarded: Guarded, user: User, newcomer: User, pdbuild_python: Path, engines: Path
) -> None:
    base = ensure("trixie", architecture(), mirror="", say=print)
    guarded.take(base.layout, "hub/library/debian:nowhere-else")
    recipe = NOTES + OF_A_REGISTRY.format(registry=guarded.registry.address)
    with_it = notes(user, pdbuild_python, "notes-of-a-registry", recipe)
    there = newcomer.home / "carried"
    done = with_it.pdbuild("fetch", "--to", str(user.home / there.name), env=guarded.env)
    assert done.returncode == 0 and "the image debian:nowhere-else" in done.stderr, done.stderr
    shutil.move(user.home / there.name, there)
    give(newcomer, there)
    without = notes(newcomer, pdbuild_python, "notes", recipe)
    done = with_it.pdbuild("bake", "--json", "binaries", env=guarded.env)
    assert done.returncode == 0, done.stderr[-4000:]
    made = outputs(with_it, done.stdout)
    for engine in ("buildkit", "buildah"):
        assert offline(without, there, f"--engine={engine}", "binaries") == made
    done = with_nothing(without, "bake", "--json", "binaries", f"--offline={there}")
    assert done.returncode == 0 and "engine: proot" in done.stderr, done.stderr[-4000:]
    assert outputs(without, done.stdout) == made


@pytest.mark.long
def test_all_comes_out_the_same_without_a_network(
    greet: Project, newcomer: User, pdbuild_python: Path
) -> None:
    carried = greet.user.home / "carried"
    assert "files of greet" in greet.succeeds("fetch", "--to", str(carried))
    # With a package more, the folder grows by that.
    size = _size(carried)
    recipe = (greet.root / "pdbuild.toml").read_text()
    greet.written("pdbuild.toml", recipe.replace('["make"]', '["make", "ed"]'))
    greet.succeeds("fetch", "--to", str(carried))
    assert 0 < _size(carried) - size < 1_000_000
    there = newcomer.home / "carried"
    shutil.move(carried, there)
    give(newcomer, there)

    one = sample(newcomer, pdbuild_python, "make", "greet")
    began = time.monotonic()
    done = cut_off(one, "bake", "all")
    assert done.returncode == 1 and time.monotonic() - began < 20
    assert "the base (Debian trixie) is wanted from" in done.stderr, done.stderr
    few = ("deb-english", "image-english")
    for engine, targets in (("buildkit", ("all",)), ("buildah", few)):
        words = (f"--engine={engine}", *targets)
        with_it = sample(greet.user, pdbuild_python, "make", f"greet-{engine}")
        without = one if engine == "buildkit" else sample(newcomer, pdbuild_python, "make", "again")
        made = online(with_it, *words)
        assert len(made) >= 2 and any(name.startswith("localhost/") for name in made)
        assert offline(without, there, *words) == made
    _what_was_not_carried_is_named(one, there)
    _an_image_runs_without_namespaces(one)


def _what_was_not_carried_is_named(project: Project, carried: Path) -> None:
    recipe = (project.root / "pdbuild.toml").read_text()
    project.written("pdbuild.toml", recipe.replace('["make"]', '["make", "bc"]'))
    done = cut_off(project, "bake", "debs", f"--offline={carried}")
    assert done.returncode == 1 and "bc" in done.stderr, done.stderr
    began = time.monotonic()
    done = cut_off(project, "bake", "debs")
    assert done.returncode == 1 and time.monotonic() - began < 30
    assert "cannot be reached" in done.stderr and "Debian packages" in done.stderr
    (stored, *_) = (p for p in (carried / "files").rglob("*") if p.is_file() and not p.suffix)
    stored.write_bytes(b"another")
    project.written("pdbuild.toml", recipe.replace('["make"]', '["make", "ed"]'))
    done = cut_off(project, "bake", "debs", f"--offline={carried}")
    assert done.returncode == 1 and "is missing or damaged" in done.stderr


def _an_image_runs_without_namespaces(project: Project) -> None:
    done = with_nothing(project, "run", "greet:1.2.0", "greet", "you")
    assert (done.returncode, done.stdout) == (0, "Hello, you!\n"), done.stderr
    assert "runtime: proot" in done.stderr
    refused = with_nothing(project, "run", "--device=x.org/y=z", "greet:1.2.0", "greet", "you")
    assert refused.returncode == 2 and "no --device x.org/y=z" in refused.stderr
    assert "sysctl -w user.max_user_namespaces" in refused.stderr
    detached = with_nothing(project, "run", "-d", "greet:1.2.0", "greet", "you")
    assert detached.returncode == 2 and "--detach" in detached.stderr


@pytest.mark.long
def test_another_platform_without_a_network(
    user: User, newcomer: User, pdbuild_python: Path, engines: Path
) -> None:
    """Its compilers and libraries are carried like all the rest."""
    other = "linux/arm64" if native().name != "linux/arm64" else "linux/amd64"
    words = ("--platform", other, "deb-english", "image-english")
    there = newcomer.home / "carried.tar"
    with_it = sample(user, pdbuild_python, "make", "foreign-online")
    with_it.succeeds("fetch", "--to", str(user.home / there.name), *words)
    shutil.move(user.home / there.name, there)
    give(newcomer, there)
    without = sample(newcomer, pdbuild_python, "make", "foreign")
    made = offline(without, there, *words)
    assert made == online(with_it, *words)
    assert sorted(name.partition("/")[0] for name in made) == ["build", "localhost"]
    assert all(other.rpartition("/")[2] in name for name in made if name.endswith(".deb"))
    done = with_nothing(without, "bake", *words, f"--offline={there}", "--engine=proot")
    assert done.returncode == 1 and f"nothing is built for {other}" in done.stderr


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "files").rglob("*") if path.is_file())


@pytest.mark.long
@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_the_example_without_a_network(
    user: User, newcomer: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    with_it = checkout(user, pdbuild_python, f"online-{engine}")
    carried = newcomer.home / "carried.tar"
    with_it.succeeds("fetch", "--to", str(user.home / "carried.tar"))
    made = online(with_it, f"--engine={engine}", "all")
    with_it.succeeds("prune", "--caches", "--keep=1000")  # gigabytes that nobody needs again
    shutil.move(user.home / "carried.tar", carried)
    give(newcomer, carried)
    without = checkout(newcomer, pdbuild_python, "offline")
    assert offline(without, carried, f"--engine={engine}", "all") == made


@pytest.mark.long
def test_without_network_and_namespaces(
    user: User, newcomer: User, pdbuild_python: Path, engines: Path
) -> None:
    """Binaries, packages and the layers of images are the same as BuildKit's."""
    with_all = sample(user, pdbuild_python, "make", "with-all")
    there = newcomer.home / "carried"
    with_all.succeeds("fetch", "--to", str(user.home / "carried"))
    shutil.move(user.home / "carried", there)
    give(newcomer, there)
    targets = ("binaries", "debs", "images", "rootfs")
    made = online(with_all, *targets)
    with_none = sample(newcomer, pdbuild_python, "make", "with-none")
    refused = with_nothing(with_none, "bake", *targets)
    assert refused.returncode == 1 and "cannot be made without namespaces" in refused.stderr
    done = with_nothing(with_none, "bake", "--json", *targets, f"--offline={there}")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "engine: proot" in done.stderr
    found = outputs(with_none, done.stdout)
    files = {name: sum for name, sum in made.items() if not name.startswith("localhost/")}
    assert {name: found.get(name) for name in files} == files
    assert set(found) == set(made)
    assert layers(with_none) == layers(with_all)
    ran = with_nothing(with_none, "run", "greet:1.2.0", "greet", "you")
    assert (ran.returncode, ran.stdout) == (0, "Hello, you!\n"), ran.stderr
    # In its own dev image people work as elsewhere.
    with_none.written("src/main.c", (with_none.root / "src/main.c").read_text() + "/* new */\n")
    offline_too = f"--offline={there}"
    assert with_nothing(with_none, "bake", "dev", offline_too).returncode == 0
    built = with_nothing(with_none, "build")
    assert built.returncode == 0 and "build/english/" in built.stdout, built.stderr
    look = "id -u; pwd; LD_LIBRARY_PATH=build/english/lib build/english/bin/greet me"
    opened = with_nothing(with_none, "shell", "bash", "-c", look)
    said = [str(newcomer.uid), "/greet", "Hello, me!"]
    assert opened.stdout.splitlines() == said, opened.stderr


def layers(project: Project) -> list[str]:
    """The layers of a project's image, by their content."""
    store = Layout(project.user.home / ".local/share/pdbuild/images")
    (top,) = (entry for entry in store.index() if entry.reference == "localhost/greet:1.2.0")
    (manifest,) = store.manifests(top)
    return [layer.digest for layer in manifest.layers]
