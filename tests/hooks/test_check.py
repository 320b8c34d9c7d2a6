"""hooks/check: what the check of a block asks for, and that it says what failed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "hooks/check"


def check(name: str, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(shutil.which("bash")), CHECKS / name],
        env={"PATH": path, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(file.name for file in CHECKS.iterdir()))
def test_a_check_says_what_failed(name: str, tmp_path: Path) -> None:
    """Also when the program says nothing."""
    for tool in ("mktemp", "cat"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    silent = {"BASH_FUNC_command_not_found_handle%%": "() { return 1; }"}
    done = check(name, str(tmp_path), CUDAARCHS="80", TMPDIR=str(tmp_path), **silent)
    assert done.returncode != 0
    assert done.stderr.startswith("error: "), done.stderr


@pytest.mark.skipif(
    not all(map(shutil.which, ("gcc", "g++"))), reason="NOT RUN: needs gcc and g++ on this host"
)
def test_under_an_emulator_there_is_no_sanitizer_and_no_debugger(tmp_path: Path) -> None:
    for tool in ("gcc", "g++"):
        fake = tmp_path / tool
        fake.write_text(f'#!/bin/sh\necho "{tool} $*"\nexec {shutil.which(tool)} "$@"\n')
        fake.chmod(0o755)
    (tmp_path / "gdb").write_text("#!/bin/sh\necho gdb\nexit 1\n")
    (tmp_path / "gdb").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = check("gcc", path, BUILDARCH="amd64", TARGETARCH="arm64")
    assert done.returncode == 0, done.stderr
    assert "gcc -Wall" in done.stdout and "g++ -std" in done.stdout
    assert "-fsanitize" not in done.stdout
    done = check("gcc", path, BUILDARCH="amd64", TARGETARCH="amd64")
    assert "-fsanitize" in done.stdout
    assert done.returncode == 1 and done.stderr == "error: this failed: grep -q 'cc.cc'\n"
