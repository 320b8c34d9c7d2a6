"""A table of a recipe is one module and one field of Recipe; the rest follows from these."""

import pkgutil

from pdbuild.recipe import tables
from pdbuild.recipe.table import inner_table, own_fields
from pdbuild.recipe.types import Recipe


def test_each_module_is_a_field_of_the_recipe_and_each_field_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(tables.__path__)} - {"block"}
    assert {field.name for field in own_fields(Recipe)} == modules


def test_each_field_of_a_table_is_described() -> None:
    for field in own_fields(Recipe):
        table, _ = inner_table(field.type)
        assert table and all(inner.metadata["doc"] for inner in own_fields(table))
