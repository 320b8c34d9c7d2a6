"""The JSON schema of recipes and blocks, for editors that complete TOML: made from the types."""

import dataclasses
import inspect
import types
import typing
from typing import Any

from pdbuild.recipe.table import Table, inner_table, own_fields
from pdbuild.recipe.tables.block import Block
from pdbuild.recipe.types import Recipe

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
}
_STRINGS: Schema = {"type": "array", "items": {"type": "string"}}


def recipe() -> Schema:
    """The schema of a recipe's file. A key that an extended file may give is not required."""
    made = _table(Recipe, required=False)
    extends = {
        "description": "The recipes that this one extends, relative to it.",
        "anyOf": [{"type": "string"}, _STRINGS],
    }
    made["properties"] = {"extends": extends} | made["properties"]
    return {"$schema": _DIALECT, "title": "pdbuild recipe"} | made


def block() -> Schema:
    """The schema of a block's file."""
    return {"$schema": _DIALECT, "title": "pdbuild block"} | _table(Block, required=True)


def _table(table: type[Table], *, required: bool) -> Schema:
    fields = [field for field in own_fields(table) if field.name != table.GATHERED]
    made: Schema = {
        "type": "object",
        "description": _first_sentence(table),
        "properties": {field.name: _field(field, required) for field in fields},
        "additionalProperties": False,
    }
    lacking = [f.name for f in fields if _has_no_default(f) and required]
    if lacking:
        made["required"] = lacking
    if table.GATHERED:
        gathered = table.__dataclass_fields__[table.GATHERED]
        entry = _field(gathered, required)["additionalProperties"]
        if table.GATHERED_NAMES:
            made["patternProperties"] = {f"^{table.GATHERED_NAMES}$": entry}
        else:
            made["additionalProperties"] = entry | {"description": gathered.metadata["doc"]}
    return made


def _field(field: "dataclasses.Field[Any]", required: bool) -> Schema:
    made = _value(field.type, required)
    if field.metadata.get("doc"):
        made["description"] = field.metadata["doc"]
    if isinstance(field.default, str | bool | int) and field.default != "":
        made["default"] = field.default
    elif isinstance(field.default, tuple) and field.default:
        made["default"] = list(field.default)
    return made


def _value(annotation: Any, required: bool) -> Schema:
    inner, by_name = inner_table(annotation)
    if inner is not None:
        made = _table(inner, required=required)
        if by_name:
            entries: Schema = {
                "type": "object",
                "description": made["description"],
                "additionalProperties": made,
            }
            if inner.NAMES:
                entries["propertyNames"] = {"pattern": f"^{inner.NAMES}$"}
            return entries
        return made
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0], required)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1], required)}
    if origin is types.UnionType:
        return {"anyOf": [_value(a, required) for a in arguments if a is not types.NoneType]}
    raise AssertionError(f"no schema for {annotation}")


def _has_no_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _first_sentence(table: type) -> str:
    text = " ".join((inspect.getdoc(table) or "").split("\n\n")[0].split())
    return text.replace("`", "")
