"""A user of its own, with BuildKit, this machine's Buildah and a newer one."""

import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.conftest import User, give_engines, make_user, needs_root, pdbuild_python, remove_user

from pdbuild import base
from pdbuild.engine import tools

__all__ = ["pdbuild_python"]

# Everything that Buildah needs, of the suite with the newer one; unpacked once and kept.
NEWER = "trixie"
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


@pytest.fixture(scope="session")
def builder(pdbuild_python: Path) -> Iterator[User]:
    """An ordinary user with subordinate ids, who has the engines and the base."""
    needs_root()
    made = make_user(f"pdbconf{os.getpid()}", subordinate=True)
    try:
        if give_engines(made) is None:
            done = made.run(
                [pdbuild_python, "-c", "from pdbuild.engine import install; install.install()"],
                timeout=1200,
            )
            assert done.returncode == 0, done.stderr
        _give_base(made, pdbuild_python)
        yield made
    finally:
        remove_user(made)


@pytest.fixture(scope="session")
def older() -> str:
    """The PATH prefix for this machine's Buildah: none."""
    if tools.find("buildah") is None:
        pytest.skip("NOT RUN: no buildah here")
    return ""


@pytest.fixture(scope="session")
def newer() -> str:
    """The PATH prefix for the Buildah of a newer suite."""
    folder = _KEPT / f"buildah-{NEWER}-{zlib.crc32(_PACKAGES.encode()):08x}"
    if not folder.is_dir():
        _unpack(folder)
    return f"{folder / 'bin'}:"


@pytest.fixture(scope="session")
def driver(builder: User) -> Path:
    """The folder of the driver, in the user's home: the checkout may be out of their sight."""
    folder = builder.home / "conformance"
    shutil.copytree(Path(__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chown", "-R", f"{builder.name}:", folder], check=True)
    return folder.parent


def _unpack(folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    archive = partial / "root.tar"
    subprocess.run(
        [
            "mmdebstrap", "--quiet", "--variant=extract", f"--include={_PACKAGES}",
            '--aptopt=APT::Install-Recommends "false"', NEWER, archive,
        ],
        check=True,
    )  # fmt: skip
    subprocess.run(["tar", "-C", partial, "-xf", archive, "./usr"], check=True)
    archive.unlink()
    (partial / "bin").mkdir()
    for name in ("buildah", "skopeo"):
        program = partial / "bin" / name
        program.write_text(_WRAPPER.format(usr=folder / "usr"))
        program.chmod(0o755)
    for path in (_KEPT, partial):
        path.chmod(0o755)
    partial.rename(folder)


def _give_base(user: User, python: Path) -> None:
    """The developer's base, else one that the user bootstraps."""
    mine = base.find("trixie", tools_architecture())
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
    done = user.run([python, "-c", code, tools_architecture()], timeout=300)
    assert done.returncode == 0, done.stderr


def tools_architecture() -> str:
    """Debian's name of this machine's architecture."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
