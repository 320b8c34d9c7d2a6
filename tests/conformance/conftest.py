"""A user of its own, with BuildKit, this machine's Buildah and newer ones."""

import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import unpacked
from system.conftest import User, give_engines, make_user, needs_root, pdbuild_python, remove_user

from pdbuild import base, tools

from .runs import Results, Run, give_driver

__all__ = ["pdbuild_python"]

# Everything that Buildah needs, of the suites with newer ones; unpacked once and kept.
NEWER, NEWEST = "trixie", "forky"
_PACKAGES = "buildah,skopeo,runc,netavark,bash,dash,coreutils,mount,python3"
_KEPT = Path("/var/tmp/pdbuild-tests")

# Runs a program of the newer suite on that suite's /usr. pdbuild starts it in namespaces of its
# own, where the bind mount is nobody else's; only the question for the version comes outside.
_WRAPPER = """\
#!/bin/bash
if [ "$1" = --version ]; then exec unshare -rm "$0" -v; fi
mount --rbind {usr} /usr
exec "/usr/bin/${{0##*/}}" "$@"
"""


@pytest.fixture(scope="package")
def builder(pdbuild_python: Path) -> Iterator[User]:
    """An ordinary user with subordinate ids, who has the engines and the base."""
    needs_root()
    made = make_user(f"pdbconf{os.getpid()}", subordinate=True)
    try:
        give_engines(made)
        give_base(made, pdbuild_python)
        yield made
    finally:
        remove_user(made)


@pytest.fixture(scope="package")
def older() -> str:
    """The PATH prefix for this machine's Buildah: none."""
    if tools.find("buildah") is None:
        pytest.skip("NOT RUN: no buildah here")
    return ""


@pytest.fixture(scope="package")
def newer() -> str:
    """The PATH prefix for the Buildah of a newer suite."""
    return _buildah_of(NEWER)


@pytest.fixture(scope="package")
def newest() -> str:
    """The PATH prefix for the Buildah of the newest suite."""
    return _buildah_of(NEWEST)


@pytest.fixture(scope="package")
def driver(builder: User) -> Path:
    """The folder to import the driver from."""
    return give_driver(builder)


@pytest.fixture(scope="package")
def runs(
    builder: User, pdbuild_python: Path, older: str, newest: str, request: pytest.FixtureRequest
) -> Iterator[dict[str, Run]]:
    """All cases with every engine at once: most of the time each waits for its disk."""
    paths = {"buildkit": "", "buildah-older": older, "buildah-newest": newest}
    if request.config.getoption("--long"):
        paths["buildah-newer"] = request.getfixturevalue("newer")
    started = {name: Run(name, builder, pdbuild_python, path=path) for name, path in paths.items()}
    yield started
    for run in started.values():
        run.stop()


@pytest.fixture(scope="package")
def buildkit(runs: dict[str, Run]) -> Results:
    return runs["buildkit"].results()


@pytest.fixture(scope="package")
def buildah_older(runs: dict[str, Run]) -> Results:
    return runs["buildah-older"].results()


@pytest.fixture(scope="package")
def buildah_newer(runs: dict[str, Run]) -> Results:
    return runs["buildah-newer"].results()


@pytest.fixture(scope="package")
def buildah_newest(runs: dict[str, Run]) -> Results:
    return runs["buildah-newest"].results()


def _buildah_of(suite: str) -> str:
    folder = _KEPT / f"buildah-{suite}-{zlib.crc32(_PACKAGES.encode()):08x}"
    if not folder.is_dir():
        _unpack(folder, suite)
    return f"{folder / 'bin'}:"


def _unpack(folder: Path, suite: str) -> None:
    partial = unpacked(folder, suite, _PACKAGES, "./usr")
    (partial / "bin").mkdir()
    for name in ("buildah", "skopeo"):
        program = partial / "bin" / name
        program.write_text(_WRAPPER.format(usr=folder / "usr"))
        program.chmod(0o755)
    for path in (_KEPT, partial):
        path.chmod(0o755)
    partial.rename(folder)


def give_base(user: User, python: Path) -> None:
    """The developer's base, else one that the user bootstraps."""
    mine = base.find("trixie", base.architecture())
    if mine:
        target = user.home / ".local/share/pdbuild/bases" / mine.layout.name
        subprocess.run(
            ["install", "-d", "-o", user.name, *reversed(target.parents[:5])], check=True
        )
        subprocess.run(["cp", "-r", mine.layout, target], check=True)
        subprocess.run(["chown", "-R", f"{user.name}:", user.home / ".local"], check=True)
    code = (
        "import sys; from pdbuild import base;"
        " base.ensure('trixie', sys.argv[1], mirror='', say=print)"
    )
    done = user.run([python, "-c", code, base.architecture()], timeout=300)
    assert done.returncode == 0, done.stderr
