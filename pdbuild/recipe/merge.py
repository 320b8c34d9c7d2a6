"""Combines a recipe with the one that it extends, by the rules beside each field."""

import dataclasses
from typing import Any

from pdbuild.recipe.table import MERGE_APPEND, MERGE_BY_KEY, MERGE_JOIN, Table, inner_table

Tables = dict[str, Any]


def merge(table: type[Table], below: Tables, above: Tables) -> Tables:
    """`below`, extended by `above`: both are the raw content of the dataclass `table`.

    Tables merge field by field and tables of tables entry by entry; every other value
    follows its field's `metadata["merge"]`. Neither argument is changed.
    """
    fields = {field.name: field for field in dataclasses.fields(table)}
    merged = dict(below)
    for key, value in above.items():
        if key in below and key in fields:
            value = _value(fields[key], below[key], value)
        merged[key] = value
    return merged


def _value(field: "dataclasses.Field[Any]", below: Any, above: Any) -> Any:
    inner, by_name = inner_table(field.type)
    rule = field.metadata.get("merge")
    if isinstance(below, dict) and isinstance(above, dict):
        if inner is not None and not by_name:
            return merge(inner, below, above)
        if inner is not None:
            return below | {
                name: merge(inner, below.get(name, {}), entry) for name, entry in above.items()
            }
        if rule == MERGE_BY_KEY:
            return _by_key(below, above)
    if isinstance(below, list) and isinstance(above, list):
        if rule == MERGE_APPEND:
            return list(dict.fromkeys([*below, *above]))
        if rule == MERGE_JOIN:
            return [*below, *above]
    return above


def _by_key(below: Tables, above: Tables) -> Tables:
    """Entry by entry, to any depth."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _by_key(old, value)
        merged[key] = value
    return merged
