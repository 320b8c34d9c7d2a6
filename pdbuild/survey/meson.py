"""What `meson introspect`, or the text of meson.build, says of a Meson project."""

import json
import re
from pathlib import Path
from typing import Any

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.survey.facts import Choice, Facts, Need

_CALL = r"\b{}\s*\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)"
_STRING = r"'((?:[^'\\]|\\.)*)'"
_SWITCHES = {"boolean": ("true", "false"), "feature": ("enabled", "disabled")}
_LANGUAGES = {"c": "C", "cpp": "CXX", "cuda": "CUDA", "fortran": "Fortran", "cython": "C"}
_NONE = {"threads", "dl", "m", "openmp", "appleframeworks", ""}


def read(folder: Path, *, run: bool) -> Facts:
    """The facts of the project in `folder`; with `run`, meson is asked where it is installed."""
    text = _text(folder / "meson.build")
    project = _first(text, "project")
    words = re.findall(_STRING, re.sub(r"\b\w+\s*:.*", "", project, flags=re.DOTALL))
    asked = _ask(folder, "--buildoptions") if run else None
    scanned = _ask(folder, "--scan-dependencies") if run else None
    choices = _introspected(asked) if asked is not None else _options(folder)
    everywhere = "\n".join(_text(path) for path in sorted(folder.glob("**/meson.build"))[:500])
    return Facts(
        system="meson",
        how="meson introspect" if asked is not None else "the text of meson.build",
        name=words[0] if words else "",
        version=_keyword(project, "version"),
        languages=frozenset(_LANGUAGES[w] for w in words[1:] if w in _LANGUAGES)
        or frozenset({"C"}),
        choices=choices,
        needs=(
            *(_scanned(scanned) if scanned is not None else _dependencies(everywhere)),
            *_tools(everywhere),
        ),
        programs=_programs(everywhere, choices),
        tests=re.search(r"\btest\s*\(", everywhere) is not None,
    )


def _ask(folder: Path, what: str) -> Any:
    """What `meson introspect` prints; None when it cannot. It only reads."""
    try:
        return json.loads(
            programs.run("meson", "introspect", what, folder / "meson.build", timeout=60).out
        )
    except (EngineError, ValueError):
        return None


def _introspected(options: list[dict[str, Any]]) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            name=option["name"], by="meson", key=option["name"],
            values=_values(_kind(option), option.get("choices") or ()),
            default=_value(option["value"]), description=option.get("description", ""),
        )
        for option in options
        if option.get("section") == "user" and ":" not in option["name"]
    )  # fmt: skip


def _kind(option: dict[str, Any]) -> str:
    """A feature is told by its choices."""
    choices = set(option.get("choices") or ())
    return "feature" if choices == {"enabled", "disabled", "auto"} else str(option["type"])


def _options(folder: Path) -> tuple[Choice, ...]:
    """The calls of `option()` in meson.options or meson_options.txt."""
    path = next(
        (p for n in ("meson.options", "meson_options.txt") if (p := folder / n).is_file()), None
    )
    found = []
    for call in re.findall(_CALL.format("option"), _text(path) if path else ""):
        name = re.match(r"\s*" + _STRING, call)
        if not name:
            continue
        kind = _keyword(call, "type")
        choices = re.search(r"choices\s*:\s*\[([^\]]*)\]", call)
        value = re.search(r"value\s*:\s*(?:'([^']*)'|(true|false))", call)
        default = (
            (value[1] or value[2] or "")
            if value
            else {"boolean": "true", "feature": "auto"}.get(kind, "")
        )
        found.append(
            Choice(name=name[1], by="meson", key=name[1],
                   values=_values(kind, re.findall(_STRING, choices[1]) if choices else ()),
                   default=default, description=_keyword(call, "description"))
        )  # fmt: skip
    return tuple(found)


def _values(kind: str, choices: Any) -> tuple[str, ...]:
    return _SWITCHES.get(kind) or tuple(str(choice) for choice in choices if choice)


def _value(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else ""
    )


def _scanned(dependencies: list[dict[str, Any]]) -> tuple[Need, ...]:
    needs = [
        Need(kind="pkg-config", name=d["name"],
             required=d["required"] is True and not d["conditional"],
             condition="a condition of meson.build" if d["conditional"] else "")
        for d in dependencies
        if d["name"].lower() not in _NONE
    ]  # fmt: skip
    return tuple(dict.fromkeys(needs))


def _dependencies(text: str) -> tuple[Need, ...]:
    needs = []
    for call in re.findall(_CALL.format("dependency"), text):
        name = re.match(r"\s*" + _STRING, call)
        if name and name[1].lower() not in _NONE:
            required = not re.search(r"required\s*:\s*(?!true)", call)
            needs.append(Need(kind="pkg-config", name=name[1], required=required))
    return tuple(dict.fromkeys(needs))


def _tools(text: str) -> tuple[Need, ...]:
    """Programs that the build runs. Whether it can do without is seldom told by the text."""
    found = re.findall(rf"\bfind_program\s*\(\s*{_STRING}", text)
    return tuple(Need(kind="program", name=name, required=False) for name in dict.fromkeys(found))


def _programs(text: str, choices: tuple[Choice, ...]) -> tuple[str, ...]:
    """The executables that are installed, by what they say or by an option that is not off."""
    off = {choice.name for choice in choices if choice.default in ("false", "disabled")}
    names = []
    for call in re.findall(_CALL.format("executable"), text):
        name = re.match(r"\s*" + _STRING, call)
        installs = re.search(rf"\binstall\s*:\s*(true\b|get_option\(\s*{_STRING}\s*\))", call)
        if name and installs and installs[2] not in off:
            names.append(name[1])
    return tuple(dict.fromkeys(names))


def _first(text: str, function: str) -> str:
    found = re.search(_CALL.format(function), text)
    return found[1] if found else ""


def _keyword(call: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*:\s*{_STRING}", call)
    return found[1] if found else ""


def _text(path: Path) -> str:
    """A file without its comments."""
    if not path.is_file():
        return ""
    return re.sub(r"(?m)(^|\s)#.*$", "", path.read_text(encoding="utf-8", errors="replace"))
