"""What is written in pages of docs/ from types and docstrings is what these give."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("program", "page"), [("reference", "recipes"), ("functions", "api")])
def test_the_page_is_up_to_date(program: str, page: str) -> None:
    spec = importlib.util.spec_from_file_location(program, DOCS / f"{program}.py")
    assert spec and spec.loader
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    text = (DOCS / f"{page}.md").read_text()
    assert writer.page(text) == text, f"run docs/{program}.py"
