"""What each table of a recipe is: a frozen dataclass of keys, and what is special about it.

Field names are the TOML keys. A field's `metadata["merge"]` says how a recipe
that `extends` another combines with it: "replace" (the default: the extending
recipe's value wins), "append" (lists are joined, without repeats), "join" (lists are
joined as they are) or "by key" (tables are merged entry by entry). Tables themselves
always merge field by field.

A `doc` text in the metadata describes the key for editors, the reference and messages.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pdbuild.recipe.finding import Finding

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

MERGE_APPEND = "append"
MERGE_BY_KEY = "by key"
MERGE_JOIN = "join"
MERGE_REPLACE = "replace"


def key(doc: str, *, merge: str = MERGE_REPLACE, unique: bool = False, **kwargs: Any) -> Any:
    """A dataclass field with its description and its merge rule.

    A list that is a set is `unique`: no file may name a value of it twice.
    """
    unique = unique or merge == MERGE_APPEND
    return field(metadata={"doc": doc, "merge": merge, "unique": unique}, **kwargs)


def no_key(**kwargs: Any) -> Any:
    """A dataclass field that no file can set."""
    return field(metadata={"key": False}, **kwargs)


class Table:
    """What a table's class may say beside its keys; each is empty unless a table sets it.

    `GATHERED` is the field that gathers the keys standing beside the table's own, where
    `gathers` takes them; `GATHERED_NAMES` is a pattern of them all. `NAMES` is the pattern of
    the entries' names of a table of tables. `FOR_UNKNOWN` and `FOR_BOOLEAN` are hints, for an
    unknown key and for true or false where it does not fit.
    """

    __slots__ = ()

    __dataclass_fields__: ClassVar[dict[str, "dataclasses.Field[Any]"]]
    GATHERED: ClassVar[str] = ""
    GATHERED_NAMES: ClassVar[str] = ""
    NAMES: ClassVar[str] = ""
    FOR_UNKNOWN: ClassVar[str] = ""
    FOR_BOOLEAN: ClassVar[str] = ""

    @staticmethod
    def gathers(key: str, value: Any) -> bool:
        """Whether a key that the table does not have is gathered, and not a mistake."""
        return False

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        """What is wrong in this table of a recipe whose keys and types are right."""
        yield from ()

    @staticmethod
    def missing(recipe: "Recipe", source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
        """Files that this table names but the tree `source`, or pdbuild, does not have."""
        yield from ()


def keys(table: type[Table]) -> list[str]:
    """The keys that a file may write in `table`."""
    return [field.name for field in own_fields(table) if field.name != table.GATHERED]


def own_fields(table: type[Table]) -> "list[dataclasses.Field[Any]]":
    """The fields that a file sets, with the one that gathers."""
    return [f for f in dataclasses.fields(table) if f.metadata.get("key", True)]


def inner_table(annotation: Any) -> tuple[type[Table] | None, bool]:
    """The table that a field's type holds, and whether by name (`dict[str, Table]`).

    (None, False) when it holds none.
    """
    for choice in (annotation, *typing.get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, Table):
            by_name = typing.get_origin(annotation) is dict
            if by_name or choice is annotation or isinstance(annotation, types.UnionType):
                return choice, by_name
    return None, False
