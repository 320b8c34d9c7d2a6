"""The example's image as files that Apptainer runs, as an ordinary user."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from system import apptainer as program
from system.project import Project, give

PROGRAM = """
import os, pathlib, sys
pathlib.Path("made").write_text("here")
print(os.getuid())
sys.exit(7)
"""


@pytest.fixture(scope="module")
def apptainer(paddle: Project) -> Iterator[list[str]]:
    """The words that start Apptainer."""
    with tempfile.TemporaryDirectory(dir=paddle.user.home) as folder:
        # As everywhere else, and unlike on some small machines, it is everybody's.
        fuse = Path(folder, "fuse")
        os.mknod(fuse, stat.S_IFCHR, os.makedev(10, 229))
        fuse.chmod(0o666)
        give(paddle.user, Path(folder))
        yield [*program.apptainer(fuse), "--quiet"]


@pytest.fixture(scope="module")
def saved(paddle: Project, version: str) -> Iterator[Path]:
    """A folder with the example's program and its image, as files of each kind."""
    folder = paddle.user.home / "apptainer"
    folder.mkdir()
    shutil.copy(paddle.root / "a.py", folder)
    (folder / "seven.py").write_text(PROGRAM)
    give(paddle.user, folder)
    for form in ("sif", "squashfs", "dir"):
        out = f"--out={folder}/image.{form}"
        paddle.succeeds("save", f"paddle:{version}", f"--format={form}", out)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("run", "image.sif", "a.py"),
        ("exec", "image.sif", "python3", "a.py"),
        ("exec", "image.squashfs", "python3", "a.py"),
        ("exec", "oci:image.dir", "python3", "a.py"),
    ],
    ids=" ".join,
)
def test_it_runs_a_program(
    words: tuple[str, ...], paddle: Project, saved: Path, apptainer: list[str]
) -> None:
    done = paddle.user.run([*apptainer, *words], cwd=saved, timeout=120)
    assert done.returncode == 0 and "accuracy 0.9" in done.stdout, done.stdout + done.stderr


@pytest.mark.long
def test_the_program_is_the_callers(paddle: Project, saved: Path, apptainer: list[str]) -> None:
    done = paddle.user.run([*apptainer, "run", "image.sif", "seven.py"], cwd=saved)
    assert (done.stdout, done.returncode) == (f"{paddle.user.uid}\n", 7), done.stderr
    assert (saved / "made").stat().st_uid == paddle.user.uid
    done = paddle.user.run([*apptainer, "run", "image.sif"], cwd=saved)
    assert done.returncode == 0 and "paddle" in done.stdout, done.stderr
