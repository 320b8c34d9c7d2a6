"""On another disk, without a container runtime, and as root: the same is built."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system.conftest import User

from .cases import CASES, Case
from .conftest import give_base
from .runs import Results, Run
from .test_conformance import compare

# One for each thing that a storage or an isolation could get wrong.
_NAMES = (
    "copy-stage",
    "surroundings-of-a-step",
    "bind-context",
    "bind-stage",
    "cache",
    "owners-and-modes",
    "removed",
    "exit-code",
    "an-output-that-stays-the-same",
)
_CASES = [case for case in CASES if case.name in _NAMES]
# A step sees that root has no user namespace, and that chroot makes no process namespace.
_SEEN_BY_A_STEP = {("as_root", "surroundings-of-a-step"), ("by_chroot", "surroundings-of-a-step")}
# By copying, BuildKit is slow: that is for --long.
_BY_COPYING = {"buildkit_on_overlay": pytest.mark.long}
_PAIRS = [
    pytest.param(place, case, marks=_BY_COPYING.get(place, ()))
    for place in ("buildkit_on_overlay", "on_overlay", "by_chroot", "as_root")
    for case in _CASES
    if (place, case.name) not in _SEEN_BY_A_STEP
]

_LEFT_BY_CHROOT = ("etc/hosts",)

_WITHOUT_A_RUNTIME = """\
#!/bin/bash
if [ "$1" = --version ]; then exec {program} --version; fi
mount --bind /dev/null {usr}/sbin/runc
exec {program} "$@"
"""


@contextlib.contextmanager
def _built(
    name: str, user: User, python: Path, cache: Path, path: str = ""
) -> Iterator[tuple[Results, Path]]:
    """What a run gave, and the cache that it made."""
    env = {"XDG_CACHE_HOME": str(cache)}
    run = Run(name, user, python, path=path, env=env, cases=_NAMES)
    try:
        yield run.results(), cache
    finally:
        run.stop()


@pytest.fixture(scope="module")
def stacked(builder: User) -> Iterator[Path]:
    """A cache on a disk that overlay cannot be stacked on, as inside a container."""
    place = builder.home / "stacked"
    for name in ("lower", "upper", "work", "cache"):
        builder.run(["mkdir", "-p", place / name])
    options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
    cache = place / "cache"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, cache], check=True)
    try:
        yield cache
    finally:
        subprocess.run(["umount", "--lazy", cache], check=True)


@pytest.fixture(scope="module")
def on_overlay(
    builder: User, pdbuild_python: Path, older: str, stacked: Path
) -> Iterator[tuple[Results, Path]]:
    """Built by Buildah where overlay cannot be stacked."""
    with _built("buildah-vfs", builder, pdbuild_python, stacked, older) as built:
        yield built


@pytest.fixture(scope="module")
def buildkit_on_overlay(
    builder: User, pdbuild_python: Path, stacked: Path
) -> Iterator[tuple[Results, Path]]:
    """Built by BuildKit where overlay cannot be stacked."""
    with _built("buildkit-native", builder, pdbuild_python, stacked) as built:
        yield built


@pytest.fixture(scope="module")
def by_chroot(builder: User, pdbuild_python: Path, newer: str) -> Iterator[tuple[Results, Path]]:
    """Built by a newer Buildah where no container runtime works."""
    programs = Path(newer.removesuffix(":"))
    bin = builder.home / "without-a-runtime"
    bin.mkdir()
    for name in ("buildah", "skopeo"):
        text = _WITHOUT_A_RUNTIME.format(program=programs / name, usr=programs.parent / "usr")
        (bin / name).write_text(text)
        (bin / name).chmod(0o755)
    cache = builder.home / "cache-chroot"
    builder.run(["mkdir", cache])
    with _built("buildah-chroot", builder, pdbuild_python, cache, f"{bin}:") as built:
        yield built


@pytest.fixture(scope="module")
def as_root(builder: User, pdbuild_python: Path, newer: str) -> Iterator[tuple[Results, Path]]:
    """Built by root, who needs no user namespace."""
    with tempfile.TemporaryDirectory(prefix="pdbuild-root-", dir="/var/tmp") as name:
        root = User(name="root", uid=0, home=Path(name))
        give_base(root, pdbuild_python)
        with _built("buildah-root", root, pdbuild_python, root.home / ".cache", newer) as built:
            yield built


@pytest.mark.parametrize(("place", "case"), _PAIRS, ids=lambda part: getattr(part, "name", part))
def test_it_builds_what_buildkit_builds(
    place: str, case: Case, buildkit: Results, request: pytest.FixtureRequest
) -> None:
    results, _ = request.getfixturevalue(place)
    found = results[case.name]
    if place == "by_chroot":
        found = _without_mount_points(found, buildkit[case.name])
    compare(case, buildkit[case.name], found)


def _without_mount_points(
    found: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What came out without the mount points that chroot leaves behind, as the docs say."""
    for one, other in zip(found, expected, strict=True):
        for name, target in one.get("targets", {}).items():
            there = other["targets"][name]["tree"]
            for path in _LEFT_BY_CHROOT:
                if path not in there:
                    target["tree"].pop(path, None)
    return found


def test_where_overlay_cannot_be_stacked_the_storage_is_vfs(
    on_overlay: tuple[Results, Path],
) -> None:
    (storage,) = (on_overlay[1] / "pdbuild/buildah").glob("*/")
    assert storage.name.endswith("-vfs")


@pytest.mark.long
def test_where_overlay_cannot_be_stacked_buildkit_copies(
    buildkit_on_overlay: tuple[Results, Path],
) -> None:
    (cache,) = (buildkit_on_overlay[1] / "pdbuild/buildkit").glob("*/cache.db")
    # Or by fuse-overlayfs, where a user may open /dev/fuse.
    assert cache.parent.name.partition("-")[2] in ("native", "fuse-overlayfs")


def test_where_no_runtime_works_steps_are_isolated_by_chroot(
    by_chroot: tuple[Results, Path],
) -> None:
    (remembered,) = (by_chroot[1] / "pdbuild/buildah").glob("*/isolation.json")
    assert '"kind": "chroot"' in remembered.read_text()


def test_root_has_a_storage_of_its_own(as_root: tuple[Results, Path]) -> None:
    (storage,) = (as_root[1] / "pdbuild/buildah").glob("*/")
    assert storage.name.endswith("-overlay")
