"""The wheel in a clean environment, far from the checkout: `pdbuild init` and what follows."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .conftest import CHECKOUT, User, public_python
from .project import Project, checkout, give

CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(squares CXX)
add_executable(squares squares.cc)
install(TARGETS squares RUNTIME DESTINATION bin)
"""
PROGRAM = """
#include <cstdlib>
#include <iostream>
int main(int count, char **words) {
    for (int i = 1; i < count; ++i) std::cout << std::atoi(words[i]) * std::atoi(words[i]) << "\\n";
    return count == 1 ? 3 : 0;
}
"""


def test_init_bakes_a_cmake_project(user: User, pdbuild_python: Path, engines: Path) -> None:
    root = user.home / "squares"
    root.mkdir()
    (root / "CMakeLists.txt").write_text(CMAKE)
    (root / "squares.cc").write_text(PROGRAM)
    give(user, root)
    project = Project(user=user, root=root, program=pdbuild_python.parent / "pdbuild")
    package = project.runs(
        str(pdbuild_python), "-c", "import pdbuild; print(pdbuild.__file__)"
    ).strip()
    assert "site-packages" in package

    assert "pdbuild.toml is written" in project.succeeds("init")
    rows = project.bake("all")
    assert (root / "build/default/bin/squares").is_file()
    assert (root / rows["deb-default"]["where"]).is_file()
    assert project.succeeds("run", "squares", "3", "4").split() == ["9", "16"]
    assert project.pdbuild("run", "squares").returncode == 3
    references = [image["reference"] for image in json.loads(project.succeeds("images", "--json"))]
    assert rows["image-default"]["where"] in references
    again = project.pdbuild("init")
    assert again.returncode == 2
    assert "there is a pdbuild.toml already" in again.stderr


def test_uv_installs_it_as_a_tool(user: User, pdbuild_python: Path) -> None:
    clone = checkout(user, pdbuild_python, "clone-for-uv")
    uv = installer(user, "uv")
    done = user.run([uv, "tool", "install", "."], cwd=clone.root, timeout=300)
    assert done.returncode == 0, done.stderr
    works_from_an_empty_folder(user, "for-uv")


def test_pipx_installs_what_build_makes(user: User, tmp_path: Path) -> None:
    # The wheel is built from the source archive, which therefore has all that it takes.
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", tmp_path, CHECKOUT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    given = Path(shutil.copy(wheel, user.home))
    give(user, given)
    pipx = installer(user, "pipx")
    done = user.run([pipx, "install", "--force", given], cwd=user.home, timeout=300)
    assert done.returncode == 0, done.stderr
    works_from_an_empty_folder(user, "for-pipx")


def installer(user: User, name: str) -> Path:
    """A program of the package index's, in an environment of the user's."""
    here = user.home / name
    done = user.run([public_python(), "-m", "venv", here], timeout=120)
    assert done.returncode == 0, done.stderr
    done = user.run([here / "bin/pip", "--quiet", "install", name], timeout=300)
    assert done.returncode == 0, done.stderr
    return here / "bin" / name


def works_from_an_empty_folder(user: User, folder: str) -> None:
    """What was installed writes a recipe and renders it; its blocks and hooks are the wheel's."""
    project = user.home / folder
    project.mkdir()
    give(user, project)
    installed = Project(user=user, root=project, program=user.home / ".local/bin/pdbuild")
    assert installed.pdbuild("bake").returncode == 2
    installed.written("CMakeLists.txt", CMAKE)
    assert "pdbuild.toml is written" in installed.succeeds("init")
    assert "apt-install" in installed.succeeds("bake", "--print=containerfile")
