"""A step that lacks files which `.dockerignore` leaves out: the file's line is named."""

from pathlib import Path

import pytest

from pdbuild import leftout

PATTERNS = "# not for images\n*.md\nsrc\n!src/keep.c\n/build\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("src/main.c", "src/keep.c", "src/deep/x.h", "Makefile", "README.md", "build/o.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text(PATTERNS)
    return tmp_path


# What steps say → the line and the file that are named.
SAID = {
    "make: *** No rule to make target 'src/main.c', needed by 'greet'.  Stop.": (3, "src/main.c"),
    "make: Entering directory '/src'\nmake: *** No rule to make target 'src/main.c'. Stop.": (
        3,
        "src/main.c",
    ),
    "cc1: fatal error: /src/src/main.c: No such file or directory": (3, "src/main.c"),
    "a.c:1:10: fatal error: deep/x.h: No such file or directory": (3, "src/deep/x.h"),
    'failed to calculate checksum of ref x: "/src": not found': (3, "src"),
    "CMake Error: Cannot find source file:\n\n  main.c": (3, "src/main.c"),
    "pandoc: README.md: withBinaryFile: does not exist": (2, "README.md"),
}


@pytest.mark.parametrize("said", SAID)
def test_the_line_of_the_file_is_named(said: str, root: Path) -> None:
    line, path = SAID[said]
    pattern = PATTERNS.splitlines()[line - 1]
    (hint,) = leftout.hints(root, said.splitlines())
    assert hint == f"hint: {root}/.dockerignore:{line}: {pattern}: the build does not see {path}"


@pytest.mark.parametrize(
    "said",
    [
        "src/main.c:3:1: error: expected ';'",  # it is not about a file that is not there
        "cc1: fatal error: src/keep.c: No such file or directory",  # seen: a later line has it
        "cc1: fatal error: src/other.c: No such file or directory",  # nobody has it
        "cc1: fatal error: build/o.c: No such file or directory",  # pdbuild's own folder
    ],
)
def test_other_failures_say_nothing_of_it(said: str, root: Path) -> None:
    assert leftout.hints(root, [said]) == ()
    (root / ".dockerignore").unlink()
    assert leftout.hints(root, list(SAID)) == ()
