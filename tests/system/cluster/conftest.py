"""The cluster, and somebody on it who has nothing but an account."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from system import tiny
from system.conftest import User
from system.project import Project, give
from system.tiny import IMAGE as IMAGE

from .slurm import Slurm


@pytest.fixture(scope="session")
def member(cluster: Slurm, pdbuild_python: Path) -> Iterator[User]:
    """An account without subordinate ids, whose image store has a busybox."""
    with tiny.member(f"pdbslurm{os.getpid()}", pdbuild_python) as made:
        yield made


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
