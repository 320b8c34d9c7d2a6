"""A program in an image's layers, started in namespaces of its own."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from pdbuild.account import namespaces
from pdbuild.container import direct
from pdbuild.container.direct import Image, Missing, Program


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """An image with a program that ends with 7, or 8 when stdin is a terminal, which it can name;
    and a file that is none."""
    monkeypatch.setenv("PDBUILD_RUNTIME_DIR", str(tmp_path / "run"))
    if namespaces.refused_one():
        pytest.skip("NOT RUN: no user namespaces here")
    programs = tmp_path / "storage/top/bin"
    programs.mkdir(parents=True)
    source = "#include <unistd.h>\nint main(void) { return ttyname(0) ? 8 : 7; }"
    gcc = ("gcc", "-static", "-x", "c", "-", "-o", programs / "seven")
    subprocess.run(gcc, input=source, text=True, check=True)
    (programs / "text").write_text("x")
    (programs.parent.parent / "below").mkdir()
    return Image(storage=str(tmp_path / "storage"), layers=("top", "below"), env=("PATH=/bin",))


def run(image: Image, *argv: str) -> int:
    return direct.run(image, Program(argv=argv, env={}, mounts=(), workdir="/"))


def test_a_program_of_the_image(image: Image) -> None:
    assert run(image, "seven") == 7


def test_a_program_finds_the_terminal_that_it_is_on(image: Image) -> None:
    ours, its = pty.openpty()
    before = os.dup(0)
    try:
        os.dup2(its, 0)
        assert run(image, "seven") == 8
    finally:
        os.dup2(before, 0)
        for descriptor in (ours, its, before):
            os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("nosuch", 127, "nosuch: No such file or directory"),
        ("/bin/text", 126, "/bin/text: Permission denied"),
    ],
)
def test_a_program_that_the_image_has_not(image: Image, name: str, code: int, told: str) -> None:
    with pytest.raises(Missing) as missing:
        run(image, name)
    assert (missing.value.code, str(missing.value)) == (code, told)
