"""Paths of a step as the user's own: what a tool says of /src/FILE:LINE is in the project."""

import re
from pathlib import Path

from pdbuild.plan.steps import SOURCE
from pdbuild.project import shown

_PATH = re.compile(rf"(?<![\w./-]){SOURCE}/([^\s:,;'\"()\[\]<>]+)")
# Sphinx counts the lines of a docstring from its start.
_DOCSTRING = re.compile(r"(?<![\w./-])/out/(\S+\.py):docstring of ([\w.]+)(?::(\d+))?(?=:)")
_HIDDEN = {".git", ".venv", "build", "node_modules", "__pycache__"}


def on_host(line: str, source: Path) -> str:
    """`line` with the paths of a step in place of which `source`, the source tree, has a file.

    They are relative when they are below the working directory. A docstring's place becomes
    its file and line, if one file of the source alone can be meant.
    """
    line = _DOCSTRING.sub(lambda found: _docstring(found, source), line)
    return _PATH.sub(lambda found: _file(found, source), line)


def _file(found: "re.Match[str]", source: Path) -> str:
    inside = found[1].rstrip(".")
    if not (source / inside).exists():
        return found[0]
    return shown(source / inside) + found[1][len(inside) :]


def _docstring(found: "re.Match[str]", source: Path) -> str:
    installed, name = Path(found[1]), found[2]
    tail = installed.parts[-2:]
    files = [
        path
        for path in source.rglob(installed.name)
        if path.parts[-2:] == tail and not _HIDDEN & set(path.relative_to(source).parts)
    ]
    if len(files) != 1:
        return found[0]
    line = _docstring_line(files[0], name.split("."))
    if not line:
        return f"{shown(files[0])}:docstring of {name}"
    return f"{shown(files[0])}:{line + int(found[3] or 1) - 1}"


def _docstring_line(file: Path, names: list[str]) -> int:
    """The line at which the docstring of a dotted name starts; 0 when it is not found."""
    import ast

    try:
        node: ast.AST = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 0
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    # The module's own name comes first; how much of it is package, only the names can tell.
    for name in names:
        body = getattr(node, "body", [])
        node = next((n for n in body if isinstance(n, kinds) and n.name == name), node)
    body = getattr(node, "body", [])
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[0].lineno
    return 0
