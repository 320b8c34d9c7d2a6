"""lintian is started once for the packages of all variants, and each is told of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pdbuild.verify.lint import Linter


def packed(folder: Path, name: str) -> Path:
    """A package with a file where none may be."""
    control = folder / name / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    (folder / name / "opt").mkdir()
    (folder / name / "opt/stray").write_text("x")
    control.write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\n"
        "Description: does things\n It does.\n"
    )
    deb = folder / f"{name}_1.0_all.deb"
    argv = ["dpkg-deb", "-Zxz", "--root-owner-group", "--build", folder / name, deb]
    subprocess.run(argv, check=True, capture_output=True)
    return deb


def test_a_fault_in_each_of_two(tmp_path: Path) -> None:
    if not shutil.which("lintian"):
        pytest.skip("NOT RUN: lintian is not on this host")
    one, other = packed(tmp_path, "thing"), packed(tmp_path, "thing-other")
    linter = Linter((one, other))
    linter.start()
    lines = linter.of((one,))
    assert any(line.startswith("E: thing: dir-or-file-in-opt") for line in lines)
    assert not any("thing-other" in line for line in lines)
    assert any(line.startswith("E: thing-other: dir-or-") for line in linter.of((other,)))
    linter.close()
