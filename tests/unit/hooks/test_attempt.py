"""The hook `attempt`: a step of an optional block succeeds whatever becomes of it."""

import os
import subprocess
from pathlib import Path

HOOK = Path(__file__).parents[3] / "hooks" / "attempt"


class Block:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = folder / "opt" / "tool"
        self.notes = folder / "attempts" / "tool"

    def step(self, what: str, script: str) -> str:
        """Run a step, which must succeed; what it said."""
        file = self.folder / "step"
        file.write_text(f"set -eu\ncd {self.made}\n{script}\n")
        done = subprocess.run(
            ["bash", HOOK, "tool", what, file, "word"],
            env={
                **os.environ,
                "PDBUILD_ATTEMPTS": str(self.folder / "attempts"),
                "PDBUILD_BLOCKS": str(self.folder / "opt"),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def left(self) -> list[str]:
        return sorted(path.name for path in self.made.iterdir())


def test_what_goes_well_stays_with_its_log(tmp_path: Path) -> None:
    block = Block(tmp_path)
    assert block.step("compiling it", 'touch program; echo "made $1"; echo warned >&2') == (
        "made word\nwarned\n"
    )
    block.step("its check", "test -e program")
    assert block.left() == ["program"]
    assert not (block.notes / "reason").exists()
    assert "made word\nwarned\n" in (block.notes / "log").read_text()


def test_after_a_failure_nothing_is_left_and_nothing_else_is_done(tmp_path: Path) -> None:
    block = Block(tmp_path)
    script = "touch half; echo 'a.cc:1: error: no such thing'; echo 'ninja: stopped'; exit 3"
    said = block.step("compiling it", script)
    reason = "compiling it failed (exit code 3): a.cc:1: error: no such thing\n"
    assert (block.notes / "reason").read_text() == reason
    assert said.endswith(reason)
    assert block.left() == [".left-out"]
    assert block.step("its check", "touch there; echo ran") == ""
    assert block.left() == [".left-out"]
    assert (block.notes / "reason").read_text() == reason
    assert "ninja: stopped" in (block.notes / "log").read_text()


def test_without_an_error_the_last_line_is_the_reason(tmp_path: Path) -> None:
    block = Block(tmp_path)
    block.step("its check", "echo one; echo two; echo; false")
    assert (block.notes / "reason").read_text() == "its check failed (exit code 1): two\n"
