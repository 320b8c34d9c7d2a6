#!/usr/bin/env python3
"""Writes the reference in docs/api.md from the docstrings and types of `import pdbuild`.

.venv/bin/python docs/functions.py
"""

import dataclasses
import inspect
import sys
from pathlib import Path
from typing import Any

import pdbuild

PAGE = Path(__file__).with_name("api.md")
START, END = "<!-- reference: written by docs/functions.py -->", "<!-- end of reference -->"

_PARTS = {
    "Functions": (
        *("load", "plan", "render", "bake", "run", "logs", "stop"),
        *("submit", "submitted", "follow", "cancel"),
        *("images", "push", "pull", "save", "load_images", "verify"),
    ),
    "Job": ("Job",),
    "Events": ("Notice", "Step", "Line", "Made", "Output", "Transfer"),
    "Results": (
        *("Texts", "Baked", "Report", "Ended", "Sent", "StoredImage", "Pushed", "Pulled"),
        *("Judged", "Failure"),
    ),
    "Errors": (
        *("PdbuildError", "RecipeError", "Mistake", "UsageError", "EngineError", "BuildError"),
        *("ClaimsError", "Interrupted", "Bug"),
    ),
}
_OF_JOB = ("__iter__", "result", "done", "cancel")


def reference() -> str:
    """All parts as Markdown."""
    from pdbuild.api import functions

    parts = []
    for title, names in _PARTS.items():
        parts.append(f"## {title}")
        if title == "Functions":
            parts.append(_text(functions).partition("\n\n")[2])
        parts += [_described(name, getattr(pdbuild, name)) for name in names]
    return "\n\n".join(parts)


def page(text: str) -> str:
    """The page with its reference brought up to date."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{reference()}\n\n{END}{after}"


def _described(name: str, found: Any) -> str:
    lines = [f"### {name}", ""] if name not in _PARTS else []
    if inspect.isfunction(found):
        lines += ["```python", _signature(name, found), "```", ""]
    elif issubclass(found, Exception):
        base = found.__mro__[1].__name__
        lines += [f"Exit code {found.exit_code}." if base == "Exception" else f"A {base}.", ""]
    lines.append(_text(found))
    if dataclasses.is_dataclass(found):
        lines += ["", "| field | type |", "|---|---|"]
        lines += [f"| `{field.name}` | {_type(field)} |" for field in dataclasses.fields(found)]
    if found is pdbuild.Job:
        for member in _OF_JOB:
            lines += ["", f"`{member}`: {_text(getattr(found, member))}"]
    return "\n".join(lines)


def _signature(name: str, function: Any) -> str:
    seen = inspect.signature(function)
    names = [f"    {_parameter(one)}," for one in seen.parameters.values()]
    if all(one.kind is not one.VAR_POSITIONAL for one in seen.parameters.values()):
        first = next(
            (n for n, one in enumerate(seen.parameters.values()) if one.kind is one.KEYWORD_ONLY),
            len(names),
        )
        names[first:first] = ["    *,"] if first < len(names) else []
    return "\n".join([f"{name}(", *names, f") -> {seen.return_annotation}"])


def _parameter(one: inspect.Parameter) -> str:
    star = "*" if one.kind is one.VAR_POSITIONAL else ""
    default = "" if one.default is one.empty else f" = {one.default!r}"
    return f"{star}{one.name}: {one.annotation}{default}"


def _type(field: "dataclasses.Field[Any]") -> str:
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    text = kind.replace("pdbuild.", "").replace("|", "\\|")
    return f"`{text}`"


def _text(found: object) -> str:
    return inspect.getdoc(found) or ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.exit(0)
