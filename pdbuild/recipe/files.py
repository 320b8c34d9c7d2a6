"""One TOML file of a recipe: as written, what is sound of it, and where its keys stand."""

import re
from dataclasses import dataclass, field

from pdbuild.errors import Mistake
from pdbuild.recipe import names, shape
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.merge import Tables
from pdbuild.recipe.parse import parse
from pdbuild.recipe.positions import line_of, lines
from pdbuild.recipe.table import Table
from pdbuild.recipe.types import Recipe

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True)
class File:
    """A parsed file. `extends` are the files that it names to extend, as written there."""

    name: str
    text: str
    data: Tables
    extends: tuple[str, ...]
    shaped: shape.Shaped
    _lines: dict[KeyPath, int] = field(default_factory=dict)

    def mistake(self, finding: Finding) -> Mistake:
        """`finding` with this file's name and the line of its key."""
        self._lines = self._lines or lines(self.text)
        path, value = finding.path, shape.value_at(self.data, finding.path)
        if finding.item is not None and isinstance(value, list) and finding.item in value:
            path = (*path, value.index(finding.item))
        line = line_of(path, self._lines)
        return Mistake(self.name, line, _dotted(finding.path), finding.what, finding.hint)

    def holds(self, finding: Finding, length: int) -> bool:
        """Whether the first `length` keys of a finding, and the item that it means, are here."""
        value = shape.value_at(self.data, finding.path[:length])
        if finding.item is None or length < len(finding.path):
            return value is not None
        return finding.item in value if isinstance(value, list) else finding.item == value


def read(content: bytes, name: str, table: type[Table] = Recipe) -> File:
    """The file called `name` with this content; `table` says whether it is a Recipe or a Block.

    Raises RecipeError when its text cannot be parsed.
    """
    text, data = parse(content, name)
    extends: tuple[str, ...] = ()
    tables, findings, unsound = dict(data), tuple[Finding, ...](), frozenset[KeyPath]()
    if table is Recipe:
        named = tables.pop("extends", [])
        listed = [named] if isinstance(named, str) else named
        if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
            extends = tuple(listed)
        else:
            hint = 'write extends = "other.toml"'
            unsound = frozenset({("extends",)})
            findings = (Finding(("extends",), "expected a string or a list of strings", hint),)
    shaped = shape.shape(table, tables)
    shaped = shape.Shaped(shaped.tables, findings + shaped.findings, unsound | shaped.unsound)
    return File(name, text, data, extends, shaped)


def locate(finding: Finding, files: list[File]) -> Mistake:
    """`finding` in the one of `files` that it is about; a later file extends the earlier ones."""
    for length in range(len(finding.path), 0, -1):
        for file in reversed(files):
            if file.holds(finding, length):
                return file.mistake(finding)
    return files[-1].mistake(finding)


def _dotted(path: KeyPath) -> str:
    """The path as TOML writes a dotted key, with list positions in brackets."""
    dotted = ""
    for key in path:
        if isinstance(key, int):
            dotted += f"[{key}]"
        else:
            dotted += "." + (key if _BARE_KEY.fullmatch(key) else names.quote(key))
    return dotted.removeprefix(".")
