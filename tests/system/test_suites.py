"""Other suites than trixie, each a base in a registry with TLS and a password, by both engines.

The base is bootstrapped as pdbuild bootstraps its own, and kept, as it takes a minute.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from pdbuild import base
from pdbuild.base import architecture
from pdbuild.bootstrap.options import EPOCH, arguments

from .conftest import User
from .guarded import Guarded, guarded
from .project import Project, sample

__all__ = ["guarded"]

_KEPT = Path("/var/tmp/pdbuild-tests")
_BASE = """
[base]
suite = "{suite}"
image = "{address}/bases/debian:{suite}"
bootstrap = false
"""


def has_base(guarded: Guarded, suite: str) -> None:
    """Have the registry have the suite's base."""
    if guarded.registry.tags("bases/debian").count(suite):
        return
    tar = _KEPT / f"base-{suite}-{architecture()}.tar"
    if not tar.exists():
        _KEPT.mkdir(exist_ok=True)
        partial = tar.with_suffix(".partial")
        argv = [
            *("mmdebstrap", "--quiet", *arguments(architecture())),
            # A mirror may be some weeks behind; the signature counts all the same.
            *('--aptopt=Acquire::Check-Valid-Until "false"', suite, partial),
        ]
        subprocess.run(argv, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
        partial.rename(tar)
    layout = Path(tempfile.mkdtemp(dir=_KEPT))
    shutil.copy(tar, layout / "base.tar")
    base._layout(layout, layout / "base.tar", architecture())
    guarded.take(layout, f"bases/debian:{suite}")
    shutil.rmtree(layout)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
@pytest.mark.parametrize("suite", ["bookworm", "sid"])
def test_a_suite_bakes(
    suite: str, engine: str, guarded: Guarded, user: User, pdbuild_python: Path, engines: Path
) -> None:
    has_base(guarded, suite)
    made: Project = sample(user, pdbuild_python, "make", f"{suite}-{os.urandom(3).hex()}")
    recipe = (made.root / "pdbuild.toml").read_text()
    made.written(
        "pdbuild.toml", recipe + _BASE.format(suite=suite, address=guarded.registry.address)
    )
    made.succeeds("bake", "all", f"--engine={engine}", env=guarded.env)
    ran = made.pdbuild("run", f"--engine={engine}", "greet", "you", env=guarded.env)
    assert (ran.stdout, ran.returncode) == ("Hello, you!\n", 0), ran.stderr
    # The production image has no `cat`.
    told = made.succeeds("run", "greet:dev", "cat", "/etc/os-release")
    assert suite in told.partition("PRETTY_NAME=")[2].partition("\n")[0], told
    shutil.rmtree(made.root)
