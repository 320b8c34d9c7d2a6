"""Whether overlay can be mounted is tried, and the trial leaves nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.engine import overlay

ENVIRONMENT = {"PATH": tools.search_path(), "LC_ALL": "C"}
# What enters namespaces where this account may mount.
INSIDE = ["unshare", *(["--user", "--map-root-user"] if os.getuid() else []), "--mount"]


def works() -> bool:
    done = subprocess.run([*INSIDE, "true"], capture_output=True, check=False)
    return done.returncode == 0


def test_the_trial_says_what_mount_says_and_goes(tmp_path: Path) -> None:
    trial = tmp_path / "trial"
    mount = ["sh", "-c", "test -d merged && echo 'mount: no such device' >&2; echo more; exit 32"]
    assert overlay.refused(trial, [*mount, "sh"], ENVIRONMENT) == "mount: no such device"
    assert not trial.exists()


def test_a_failure_without_words_has_its_exit_code(tmp_path: Path) -> None:
    assert overlay.refused(tmp_path / "trial", ["false"], ENVIRONMENT) == "exit code 1"


def test_a_program_or_disk_that_is_not_there_is_said(tmp_path: Path) -> None:
    missing = overlay.refused(tmp_path / "trial", [str(tmp_path / "no-program")], ENVIRONMENT)
    assert missing == "no-program is not installed"
    (tmp_path / "file").touch()
    assert "Not a directory" in overlay.refused(tmp_path / "file" / "trial", ["true"], ENVIRONMENT)


def test_the_real_one_is_mounted_with_commas_in_its_path(tmp_path: Path) -> None:
    if not works():
        pytest.skip("NOT RUN: this account may mount nothing")
    (tmp_path / "a,b").mkdir()
    assert overlay.refused(tmp_path / "a,b" / "trial", INSIDE, ENVIRONMENT) == ""
    assert list((tmp_path / "a,b").iterdir()) == []
