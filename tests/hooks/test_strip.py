"""The hook that takes out of programs what only debuggers read."""

import os
import re
import subprocess
from pathlib import Path

HOOKS = Path(__file__).parents[2] / "hooks"


def test_files_that_cannot_be_listed_are_its_failure(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    find = tmp_path / "find"
    find.write_text("#!/bin/sh\necho 'find: I/O error' >&2\nexit 1\n")
    find.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PDBUILD_OUTPUT": str(tmp_path / "out"),
    }
    done = subprocess.run(
        ["bash", HOOKS / "strip"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "find: I/O error\n")


def test_no_hook_waits_for_what_a_substitution_runs() -> None:
    # bash's `wait` ends with 255 when that ends in the same moment: one start in a thousand of a
    # busy machine. It is right for what `&` began.
    pattern = re.compile(r"<\(.*\n(?:\s*#.*\n)*\s*wait\b")
    files = [path for path in HOOKS.rglob("*") if path.is_file()]
    assert [path.name for path in files if pattern.search(path.read_text())] == []
