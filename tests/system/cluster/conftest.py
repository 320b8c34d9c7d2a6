"""The cluster, and somebody on it who has nothing but an account."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.conftest import User, make_user, remove_user
from system.container.images import layout
from system.project import Project, give

from .slurm import Slurm

IMAGE = "tiny:0.1.0-cpu"

_ADOPT = """
import sys
from pathlib import Path
from pdbuild.store import Store
Store.own().adopt(Path(sys.argv[1]), sys.argv[2], "localhost/" + sys.argv[3])
"""


@pytest.fixture(scope="session")
def member(cluster: Slurm, pdbuild_python: Path) -> Iterator[User]:
    """An account without subordinate ids, whose image store has a busybox."""
    made = make_user(f"pdbslurm{os.getpid()}", subordinate=False)
    try:
        exported = made.home / "layout"
        exported.mkdir()
        digest = layout(exported, label="cluster")
        give(made, exported)
        done = made.run([pdbuild_python, "-c", _ADOPT, exported, digest, IMAGE])
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        remove_user(made)


@pytest.fixture
def here(
    cluster: Slurm, member: User, pdbuild_python: Path, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """A fresh folder of the member's. No test leaves a process, or a file outside of it."""
    root = member.home / request.node.name[:40].replace("[", "-").rstrip("]")
    root.mkdir()
    give(member, root)
    yield Project(user=member, root=root, program=pdbuild_python.parent / "pdbuild")
    cluster.asked("scancel", f"--user={member.name}", "--quiet")
    cluster.idle()
    assert list(Path("/tmp").glob(f"pdbuild-job-{member.uid}-*")) == []
    assert member.processes(podmans=True) == []
    shutil.rmtree(root)
