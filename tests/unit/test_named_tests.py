"""What the pages say is shown by a test is: each row names one, and it exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
PAGES = ("accounts.md", "administrators.md", "clusters.md", "shared-machines.md")

_NAMED = re.compile(r"`((?:tests/|…)?[\w/…]*(?:\.py)?(?:::test_\w+)?)`")


def rows(text: str) -> Iterator[str]:
    """The last cells of the tables that have tests in them."""
    shows = False
    for before, line in zip(("", *text.splitlines()), text.splitlines(), strict=False):
        if not line.startswith("|"):
            shows = False
        elif not before.startswith("|"):
            shows = "shown by" in line or line.replace(" ", "") == "|||"
        elif shows and not re.fullmatch(r"[|\s-]+", line):
            yield line.rstrip("| ").rpartition("|")[2].strip()


def named_in(cell: str, above: str) -> list[tuple[Path, str]]:
    """The files, or folders, that a cell names, each with the name of a test or ""."""
    found = []
    for name in _NAMED.findall(cell):
        path, _, test = name.partition("::")
        if "test" not in name:
            continue  # a fixture, say
        if path == "…":
            file = found[-1][0] if found else Path(above)
        else:
            file = CHECKOUT / path if path.startswith("tests/") else Path(above, path)
        found.append((file, test))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_row_names_a_test_that_exists(page: str) -> None:
    text = (DOCS / page).read_text()
    folder = re.search(r"shown by, in `(tests/[\w/]+)`", text)
    above: Path | str = CHECKOUT / folder[1] if folder else "/nowhere"
    cells = list(rows(text))
    assert cells, "a page without a table of tests"
    for cell in cells:
        named = named_in(cell, str(above))
        assert named, f"{page}: a row names no test: {cell!r}"
        for file, test in named:
            above = file if file.suffix and not folder else above
            assert file.exists(), f"{page}: there is no {file}"
            if test:
                defined = re.search(rf"^def {test}\(", file.read_text(), re.MULTILINE)
                assert defined, f"{page}: {file.name} has no {test}"
            assert file.is_dir() or "def test_" in file.read_text()


def test_a_row_without_a_test_is_seen() -> None:
    text = "| x | shown by |\n|---|---|\n| a | `tests/unit/test_x.py` |\n| b | - |\n\n| no | y |\n"
    assert list(rows(text)) == ["`tests/unit/test_x.py`", "-"]
    assert named_in("-", "/") == [] and named_in("with `on_overlay`", "/") == []
    assert named_in("`…::test_y`", "/f.py") == [(Path("/f.py"), "test_y")]
