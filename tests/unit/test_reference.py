"""The table of keys in docs/recipes.md is the one that the types give."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_keys_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec and spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    text = (DOCS / "recipes.md").read_text()
    assert reference.page(text) == text, "run docs/reference.py"
