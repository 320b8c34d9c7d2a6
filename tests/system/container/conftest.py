"""The image, and those who run it: an ordinary user and root, who may leave nothing."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.conftest import User, make_user, needs_root, remove_user

from .accounts import Account, load
from .images import layout


@pytest.fixture(scope="session")
def exported() -> Iterator[tuple[Path, str]]:
    # podman names an image after its folder: a random name may end in "_", which none may.
    root = Path("/var/tmp", f"pdbuild-image-{os.getpid()}")
    root.mkdir()
    try:
        root.chmod(0o755)
        yield root, layout(root, label="first")
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def person(pdbuild_python: Path, exported: tuple[Path, str]) -> Iterator[Account]:
    """An ordinary user whose podman has the image."""
    needs_root()
    made = Account(make_user(f"pdbrun{os.getpid()}", subordinate=True), pdbuild_python)
    try:
        load(made, exported)
        yield made
    finally:
        remove_user(made.user)


@pytest.fixture(scope="session")
def root(pdbuild_python: Path, exported: tuple[Path, str]) -> Iterator[Account]:
    """Root, with its podman's storage and pdbuild's state in a directory of the test."""
    needs_root()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        home = Path(name)
        (home / "storage.conf").write_text(
            f'[storage]\ndriver="overlay"\ngraphroot="{home}/graph"\nrunroot="{home}/run"\n'
        )
        env = {"CONTAINERS_STORAGE_CONF": f"{home}/storage.conf"}
        env |= {f"PDBUILD_{n}_DIR": f"{home}/{n.lower()}" for n in ("CACHE", "DATA", "RUNTIME")}
        made = Account(User(name="root", uid=0, home=home), pdbuild_python, env)
        load(made, exported)
        yield made
        made.user.run(["podman", "rm", "--all", "--force", "--time=0"], env=env)
        for mounted in Path("/proc/mounts").read_text().splitlines():
            if name in mounted:
                subprocess.run(["umount", mounted.split()[1]], check=False)


@pytest.fixture(params=["person", "root"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Each test runs for both; neither may leave anything."""
    found: Account = request.getfixturevalue(request.param)
    yield found
    assert found.podman("ps", "--all", "--quiet") == ""
    if found.user.uid:
        # podman's own, which keeps the user namespace: catatonit, or podman under two names.
        keeper = ("podman pause", "/podman", "catatonit -P")
        assert [p for p in found.user.processes() if not p.rstrip().endswith(keeper)] == []
        runtime = Path(f"/tmp/pdbuild-{found.user.uid}")
    else:
        runtime = found.user.home / "runtime"
    assert list(runtime.iterdir()) == []
