"""Accounts on hostile ground, each with nothing of its own yet."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from system.conftest import make_user, needs_root, remove_user
from system.container.images import layout

from .grounds import Someone, compiled, shown_as


@pytest.fixture(scope="session")
def exported() -> Iterator[tuple[Path, str]]:
    """A small image as an engine exports it, for everybody to read, and its digest."""
    with tempfile.TemporaryDirectory(prefix="pdbuild-ground-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name), layout(Path(name), label="first")


@contextlib.contextmanager
def somebody(python: Path, name: str, *, subordinate: bool) -> Iterator[Someone]:
    needs_root()
    made = make_user(f"{name}{os.getpid()}", subordinate=subordinate)
    try:
        yield Someone(user=made, python=python)
    finally:
        remove_user(made)


@pytest.fixture
def newcomer(pdbuild_python: Path) -> Iterator[Someone]:
    """Somebody with subordinate ids who has done nothing yet."""
    with somebody(pdbuild_python, "pdbgrd", subordinate=True) as someone:
        yield someone


@pytest.fixture
def bare_newcomer(pdbuild_python: Path) -> Iterator[Someone]:
    """Somebody without them, whose containers' root is they themselves."""
    with somebody(pdbuild_python, "pdbgrb", subordinate=False) as someone:
        yield someone


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that shows a folder as a network file system does."""
    needs_root()
    return compiled(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def on_network(
    newcomer: Someone, hostile: Path, request: pytest.FixtureRequest
) -> Iterator[Someone]:
    """The newcomer, whose home is on a network file system with the refusals of the parameter."""
    home = newcomer.user.home
    at = home.with_name(f"{home.name}-seen")
    with shown_as(hostile, home, at, request.param):
        yield replace(newcomer, user=replace(newcomer.user, home=at))
    at.rmdir()
