"""From a file's tables to typed values, or to everything that is wrong with their shape."""

import copy
import dataclasses
import datetime
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.merge import Tables
from pdbuild.recipe.table import Table, inner_table, keys
from pdbuild.recipe.tables.block import Block
from pdbuild.recipe.types import Recipe

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_EXPECTED = {
    "bool_type": "true or false",
    "dataclass_type": "a table",
    "dict_type": "a table",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "string_type": "a string",
    "tuple_type": "a list",
}


@dataclass(frozen=True, slots=True)
class Shaped:
    """The sound part of a file's tables, what was wrong with the rest, and where that is."""

    tables: Tables
    findings: tuple[Finding, ...]
    unsound: frozenset[KeyPath]


@dataclass(frozen=True, slots=True)
class _Problem:
    path: KeyPath
    kinds: frozenset[str]
    value: Any = None


def shape(table: type[Table], data: Tables) -> Shaped:
    """Checks keys and types of a whole recipe's or block's `data` (`table` says which).

    Missing keys are not looked for: what a file lacks may stand in one that it extends.
    """
    tables = _gathered(table, copy.deepcopy(data))
    unknown = tuple(_unknown(table, tables, ()))
    findings, unsound = list[Finding](), set[KeyPath]()
    for path, meant in unknown:
        findings.append(_unknown_key(table, path, meant))
        unsound.add(_written(table, (*path[:-1], meant or path[-1])))
        _drop(tables, path)
    _, problems = _validate(table, tables)
    for problem in problems:
        if problem.kinds != {"missing"}:
            findings.append(_wrong_type(table, problem))
            cut = next((i for i, key in enumerate(problem.path) if isinstance(key, int)), None)
            unsound.add(_written(table, problem.path[:cut]))
            _drop(tables, problem.path[:cut])
    return Shaped(tables, tuple(findings), frozenset(unsound))


def build(table: type[Table], tables: Tables) -> tuple[Any, tuple[Finding, ...]]:
    """The value of type `table` from shaped `tables`, and the keys that they lack.

    A missing key is filled with an empty string, so that the rest can be checked too.
    """
    tables = copy.deepcopy(tables)
    missing: list[Finding] = []
    while True:
        value, problems = _validate(table, tables)
        if value is not None:
            return value, tuple(missing)
        for problem in problems:
            if problem.kinds != {"missing"}:
                raise AssertionError(f"not a shaped table: {problem}")
            path = _written(table, problem.path)
            needs: tuple[KeyPath, ...] = (path, ("extends",))
            missing.append(Finding(path, "missing", _doc(table, problem.path), needs=needs))
            _fill(tables, problem.path)


def _walked(table: type[Table], path: KeyPath) -> Iterator[tuple[int | str, type[Table] | None]]:
    """The keys of a path through the types, each with the table in which it is a field.

    None stands for a key that is an entry's name, or below the tables.
    """
    at: type[Table] | None = table
    waiting: type[Table] | None = None
    for key in path:
        yield key, at
        if at is None:
            at, waiting = waiting, None
            continue
        field = at.__dataclass_fields__.get(str(key))
        inner, by_name = inner_table(field.type) if field else (None, False)
        at, waiting = (None, inner) if by_name else (inner, None)


def _written(table: type[Table], path: KeyPath) -> KeyPath:
    """A path through the types as the path of the key in the file."""
    return tuple(key for key, at in _walked(table, path) if at is None or key != at.GATHERED)


def _gathered(table: type[Table], data: Tables) -> Tables:
    """Moves keys that stand beside a table's fields into the field that gathers them."""
    fields = {field.name: field for field in dataclasses.fields(table)}
    for key, value in data.items():
        if key not in fields or not isinstance(value, dict):
            continue
        inner, by_name = inner_table(fields[key].type)
        if inner is not None and by_name:
            entries = value.items()
            data[key] = {k: _gathered(inner, v) if isinstance(v, dict) else v for k, v in entries}
        elif inner is not None:
            data[key] = _gathered(inner, value)
    if not table.GATHERED:
        return data
    own = keys(table)
    moved = {k: v for k, v in data.items() if k not in own and table.gathers(k, v)}
    rest = {k: v for k, v in data.items() if k not in moved}
    return rest | ({table.GATHERED: moved} if moved else {})


def _unknown(table: type[Table], data: Tables, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Keys that `table` does not have, each with the key that was probably meant."""
    known = keys(table)
    fields = {field.name: field for field in dataclasses.fields(table)}
    for key, value in data.items():
        if key not in known and key != table.GATHERED:
            yield (*path, key), names.nearest(key, known)
        elif isinstance(value, dict):
            inner, by_name = inner_table(fields[key].type)
            if inner is None:
                continue
            for name, entry in value.items() if by_name else ((None, value),):
                at = (*path, key) if name is None else (*path, key, name)
                if isinstance(entry, dict):
                    yield from _unknown(inner, entry, at)


def _unknown_key(table: type[Table], path: KeyPath, meant: str) -> Finding:
    if meant:
        return Finding(_written(table, path), "unknown key", f"did you mean {names.quote(meant)}?")
    if len(path) == 1:
        homes = [
            field.name
            for field in dataclasses.fields(table)
            if (inner := inner_table(field.type))[0] and not inner[1] and path[0] in keys(inner[0])
        ]
        if len(homes) == 1:
            return Finding(path, "unknown key", f"it belongs in [{homes[0]}]")
    *_, (_, holder) = _walked(table, path)
    assert holder is not None
    hints = names.did_you_mean("", keys(holder)), holder.FOR_UNKNOWN
    return Finding(_written(table, path), "unknown key", "; ".join(filter(None, hints)))


def _doc(table: type[Table], path: KeyPath) -> str:
    """What the types say about the key at `path`."""
    at = next((at for key, at in reversed([*_walked(table, path)]) if at is not None), table)
    field = at.__dataclass_fields__.get(str(path[-1]))
    return str(field.metadata.get("doc", "")) if field else ""


def _wrong_type(table: type[Table], problem: _Problem) -> Finding:
    path, value = _written(table, problem.path), problem.value
    if problem.kinds == {"literal_error"} and isinstance(value, str):
        return Finding(path, f"{names.quote(value)} is not supported")
    kinds = {"string_type"} if problem.kinds == {"literal_error"} else problem.kinds
    expected = " or ".join(
        sorted({_EXPECTED.get(kind, "another value") for kind in kinds}, reverse=True)
    )
    hint = ""
    if isinstance(value, bool):
        hint = _outermost(table, problem.path).FOR_BOOLEAN
    elif isinstance(value, int | float) and "string_type" in kinds and abs(value) < 1e15:
        hint = f'write "{value}"'
    elif isinstance(value, str) and "tuple_type" in kinds:
        hint = f"write [{names.quote(value)}]"
    what = f"expected {expected}, found {_found(value)}"
    return Finding(path, what, hint)


def _outermost(table: type[Table], path: KeyPath) -> type[Table]:
    """The table of a recipe that `path` is in."""
    field = table.__dataclass_fields__.get(str(path[0]))
    return (inner_table(field.type)[0] if field else None) or table


def _found(value: Any) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return "a date or time"
    kinds = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a list")


def _fill(tables: Tables, path: KeyPath) -> None:
    at: Any = tables
    for key in path[:-1]:
        at = at.setdefault(key, {})
    at[path[-1]] = ""


def _drop(tables: Tables, path: KeyPath) -> None:
    at: Any = tables
    for key in path[:-1]:
        at = at.get(key) if isinstance(at, dict) else None
    if isinstance(at, dict):
        at.pop(path[-1], None)


@functools.cache
def _adapter() -> "TypeAdapter[Recipe]":
    """The one validator: building it costs most of a load, so blocks go through it too."""
    import pydantic

    return pydantic.TypeAdapter(Recipe)


def _validate(table: type[Table], tables: Tables) -> tuple[Any, list[_Problem]]:
    """The typed value (None when there are problems) and the problems, deepest kept."""
    import pydantic

    whole = _whole(table, tables)
    at: KeyPath = ("blocks", 0) if table is Block else ()
    try:
        recipe = _adapter().validate_json(json.dumps(_sendable(whole)), strict=True)
    except pydantic.ValidationError as error:
        kinds: dict[KeyPath, set[str]] = {}
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            path = _resolved(whole, detail["loc"], missing=detail["type"] == "missing")
            kinds.setdefault(path[len(at) :], set()).add(detail["type"])
        deepest = [p for p in kinds if not any(q[: len(p)] == p != q for q in kinds)]
        return None, [_Problem(p, frozenset(kinds[p]), value_at(whole, at + p)) for p in deepest]
    return (recipe.blocks[0] if table is Block else recipe), []


def _whole(table: type[Table], tables: Tables) -> Tables:
    """`tables` with what a recipe needs around them, so that one validator serves all."""
    if table is Block:
        tables = {"blocks": [{"name": "", **tables}], "project": {"name": ""}}
    empty: Tables = {}
    for field in dataclasses.fields(Recipe):
        if field.default_factory is not dataclasses.MISSING:
            continue
        inner, by_name = inner_table(field.type)
        optional = inner is not None and field.type is not inner and not by_name
        empty[field.name] = None if optional else {} if inner is not None else ""
    return empty | {"blocks": []} | tables


def _sendable(value: Any) -> Any:
    """`value` with what JSON cannot carry replaced by a number that no field accepts."""
    if isinstance(value, dict):
        return {key: _sendable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(inner) for inner in value]
    if value is None or isinstance(value, str | bool):
        return value
    return value if isinstance(value, int) and abs(value) < 2**63 else 0.5


def _resolved(data: Any, location: tuple[int | str, ...], *, missing: bool) -> KeyPath:
    """pydantic's location without the names of union members, which are in no file."""
    path: KeyPath = ()
    for key in location[:-1] if missing else location:
        inside = isinstance(data, dict) and key in data
        inside = inside or (isinstance(data, list) and isinstance(key, int))
        if inside:
            path, data = (*path, key), data[key]
    return (*path, location[-1]) if missing else path


def value_at(data: Any, path: KeyPath) -> Any:
    """What stands at a path in tables and lists; None where there is nothing."""
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data
