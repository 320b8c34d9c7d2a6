"""What pyproject.toml says of a Python project that compiles."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pdbuild.survey.facts import Facts, Need

#: Backends of PEP 517 that compile, and what they compile with.
BACKENDS = {
    "scikit_build_core.build": "cmake",
    "mesonpy": "meson",
    "setuptools.build_meta": "setuptools",
    "py_build_cmake.build": "cmake",
}


def backend(folder: Path) -> str:
    """What the project's build backend compiles with; "" when it has none that compiles."""
    system = _table(folder).get("build-system", {})
    name = str(system.get("build-backend", "setuptools.build_meta" if system else ""))
    found = BACKENDS.get(name.partition(":")[0], "")
    if found == "setuptools" and not _compiles(folder, system.get("requires", [])):
        return ""
    return found


def read(folder: Path) -> Facts:
    """The facts of the project whose pyproject.toml is in `folder`."""
    project = _table(folder).get("project", {})
    urls = project.get("urls", {})
    return Facts(
        system="python",
        how="pyproject.toml",
        name=str(project.get("name", "")),
        version=str(project.get("version", "")),
        description=str(project.get("description", "")),
        homepage=next((str(u) for k, u in urls.items() if k.lower() == "homepage"), ""),
        languages=frozenset({"C", "CXX"}),
        needs=_needs(_table(folder).get("build-system", {}).get("requires", []), "python"),
        runs_with=_needs(project.get("dependencies", []), "python"),
        tests=(folder / "tests").is_dir() or (folder / "test").is_dir(),
        programs=tuple(project.get("scripts", {})),
    )  # fmt: skip


def _needs(requirements: list[str], kind: str) -> tuple[Need, ...]:
    """The distributions that PEP 508's texts name, in the index's spelling."""
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", str(text)) for text in requirements)
    names = (re.sub(r"[-_.]+", "-", name[0].lower()) for name in found if name)
    return tuple(dict.fromkeys(Need(kind=kind, name=name) for name in names))


def _compiles(folder: Path, requires: list[str]) -> bool:
    """Whether setuptools compiles something: by its requirements, or in setup.py."""
    if any(
        name in str(word).lower() for word in requires for name in ("pybind11", "cython", "cffi")
    ):
        return True
    setup = folder / "setup.py"
    return setup.is_file() and "ext_modules" in setup.read_text(encoding="utf-8", errors="replace")


def _table(folder: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
