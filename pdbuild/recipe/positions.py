"""Where in a TOML text each key stands."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from tree_sitter import Node

KeyPath = tuple[str | int, ...]

_DEEPEST = 20  # recipes need five; a hostile `a.a.a...` must not cost memory


def lines(text: str) -> dict[KeyPath, int]:
    """The 1-based line of every key, table and list item of a TOML text.

    An int in a path is an index into a list. A table that is opened several times counts
    where it is first named. Text that is not TOML gives what can be made out of it.
    """
    # Imported here: only a recipe with mistakes pays for it.
    import tree_sitter
    import tree_sitter_toml

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    for node in parser.parse(text.encode()).root_node.children:
        if node.type in ("table", "table_array_element"):
            keys, line = _keys(node), node.start_point[0] + 1
            path = _opened(keys, counts)
            if node.type == "table_array_element":
                counts[path] = counts.get(path, -1) + 1
                found.setdefault(path, line)
                path = (*path, counts[path])
            _note(found, path, line)
            for pair in node.children:
                _pair(found, path, pair)
        else:
            _pair(found, (), node)
    return found


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """The line of `path`, or of the nearest table around it; 0 when there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


def _opened(keys: tuple[str, ...], counts: dict[KeyPath, int]) -> KeyPath:
    """The path that a table's header means, inside the latest items of the lists it names."""
    path: KeyPath = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if path in counts and position < len(keys) - 1:
            path = (*path, counts[path])
    return path


def _note(found: dict[KeyPath, int], path: KeyPath, line: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], line)


def _pair(found: dict[KeyPath, int], table: KeyPath, node: "Node") -> None:
    """Notes a `key = value` below `table`, and what the value holds."""
    if node.type != "pair":
        return
    path = (*table, *_keys(node))
    if len(path) > _DEEPEST:
        return
    _note(found, path, node.start_point[0] + 1)
    _value(found, path, node.named_children[-1])


def _value(found: dict[KeyPath, int], path: KeyPath, node: "Node") -> None:
    if len(path) > _DEEPEST:
        return
    if node.type == "inline_table":
        for child in node.named_children:
            _pair(found, path, child)
    elif node.type == "array":
        items = (child for child in node.named_children if child.type != "comment")
        for index, child in enumerate(items):
            found.setdefault((*path, index), child.start_point[0] + 1)
            _value(found, (*path, index), child)


def _keys(node: "Node") -> tuple[str, ...]:
    """The key, simple or dotted, that a table or a pair begins with."""
    return tuple(_names(node.named_children[0])) if node.named_children else ()


def _names(node: "Node") -> Iterator[str]:
    """The parts of a key, left to right (a dotted key nests its left part)."""
    waiting, parts = [node], list[str]()
    while waiting and len(parts) <= _DEEPEST:
        node = waiting.pop()
        if node.type == "dotted_key":
            waiting.extend(reversed(node.named_children))
        else:
            parts.append(_name(node))
    yield from parts


def _name(node: "Node") -> str:
    text = (node.text or b"").decode(errors="replace")
    if node.type != "quoted_key":
        return text
    try:
        return next(iter(tomli.loads(f"{text} = 0")))
    except tomli.TOMLDecodeError:
        return text
