"""The JSON schema of recipes and blocks, for editors that complete TOML: made from the types."""

import dataclasses
import inspect
import types
import typing
from typing import Any

from pdbuild.recipe import names
from pdbuild.recipe.merge import inner_table
from pdbuild.recipe.shape import GATHERED, NO_KEYS
from pdbuild.recipe.types import Block, Recipe, Toolchain, Variant

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
}
_STRINGS: Schema = {"type": "array", "items": {"type": "string"}}
# What names of entries look like, where they are the user's.
_NAMES: dict[tuple[type, str], str] = {
    (Recipe, "options"): names.OPTION.pattern,
    (Recipe, "variants"): names.VARIANT.pattern,
}


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


def _table(table: type, *, required: bool) -> Schema:
    hidden = {*NO_KEYS.get(table, ()), GATHERED.get(table)}
    fields = [field for field in dataclasses.fields(table) if field.name not in hidden]
    made: Schema = {
        "type": "object",
        "description": _first_sentence(table),
        "properties": {field.name: _field(table, field, required) for field in fields},
        "additionalProperties": False,
    }
    lacking = [f.name for f in fields if _has_no_default(f) and required]
    if lacking:
        made["required"] = lacking
    if table is Toolchain:
        parameter = {"type": "object", "additionalProperties": {"anyOf": [_SCALARS[str], _STRINGS]}}
        made["additionalProperties"] = parameter | {"description": "A block's parameters."}
    elif table is Variant:
        made["patternProperties"] = {f"^{names.OPTION.pattern}$": {"type": "string"}}
    return made


def _field(table: type, field: "dataclasses.Field[Any]", required: bool) -> Schema:
    made = _value(field.type, required)
    pattern = _NAMES.get((table, field.name))
    if pattern:
        made["propertyNames"] = {"pattern": f"^{pattern}$"}
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
            return {
                "type": "object",
                "description": made["description"],
                "additionalProperties": made,
            }
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
