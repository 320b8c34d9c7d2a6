"""The commands of CONTRIBUTING.md do what it says, in a copy of this checkout."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "CONTRIBUTING.md"
# What its other commands are, and who runs them.
ELSEWHERE = {
    "scripts/setup test": "make test",
    "make check": "this run",
    "make test": "this run",
    ".venv/bin/pytest -q tests/unit/hooks tests/hooks": "this run",
    ".venv/bin/pytest -q tests/unit --update-golden": "the same tests, and golden texts are git's",
    "git diff tests": "git",
}


def blocks(language: str) -> list[str]:
    text = PAGE.read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_a_block_is_a_file_and_a_check(tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "pdbuild", "hooks", "recipes", "examples"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, listed):
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / name).is_file():
            path.write_bytes((CHECKOUT / name).read_bytes())
            path.chmod((CHECKOUT / name).stat().st_mode)
    (copy / ".venv/bin").mkdir(parents=True)
    program = copy / ".venv/bin/pdbuild"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pdbuild "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks("sh"))],
        cwd=copy, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(copy), "PDBUILD_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "check/jq" in done.stdout and " jq" in done.stdout


def test_the_other_commands_are_known() -> None:
    assert set("".join(blocks("console")).splitlines()) == set(ELSEWHERE)
    assert len(PAGE.read_text().splitlines()) < 80


def test_what_it_names_is_there() -> None:
    for name in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text()):
        assert (CHECKOUT / name).exists(), name
    for name in re.findall(r"`((?:pdbuild|hooks|tests|recipes|docs)/[\w./-]+)`", PAGE.read_text()):
        assert (CHECKOUT / name).exists(), name
