"""The small CMake project in which people work: its dev image is baked once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import User
from .project import Project, sample


@pytest.fixture(scope="session")
def hello(user: User, pdbuild_python: Path, engines: Path) -> Iterator[Project]:
    """The project, the user's own, with its dev image.

    Each module that imports this makes a fixture of it: the folder is the first one's.
    """
    root = user.home / "hello"
    if root.exists():
        made = Project(user=user, root=root, program=pdbuild_python.parent / "pdbuild")
    else:
        made = sample(user, pdbuild_python, "hello", "hello")
    made.succeeds("bake", "dev", "--progress=plain")
    yield made
    # Whatever a test left running goes, also when the test failed.
    made.pdbuild("ssh", "--stop")
