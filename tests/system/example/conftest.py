"""The example project and its account, which go when the last test of this package has run.

What is baked here takes more of the disk than all that other tests leave.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from system.conftest import User, equip, make_user, needs_root, remove_user
from system.project import Project, checkout


@pytest.fixture(scope="package")
def user() -> Iterator[User]:
    """An ordinary user with subordinate ids."""
    needs_root()
    made = make_user(f"pdbexam{os.getpid()}", subordinate=True)
    yield made
    remove_user(made)


@pytest.fixture(scope="package")
def engines(user: User, pdbuild_python: Path) -> Path:
    """The directory of engine programs in the user's data directory."""
    return equip(user, pdbuild_python)


@pytest.fixture(scope="package")
def paddle(user: User, pdbuild_python: Path, engines: Path) -> Project:
    """A clean clone with the example project."""
    return checkout(user, pdbuild_python, "paddle")


@pytest.fixture(scope="package")
def baked(paddle: Project) -> dict[str, Any]:
    """The rows of `pdbuild bake all` of the example, by target."""
    return paddle.bake("all")


@pytest.fixture(scope="package")
def version(baked: dict[str, Any]) -> str:
    """The example's version, as the default image's tag has it."""
    return str(baked["image-cpu"]["where"]).rpartition(":")[2]
