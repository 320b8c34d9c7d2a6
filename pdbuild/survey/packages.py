"""Debian packages for what a project looks for: from a table, else from what this machine knows.

Nothing here needs root or the network: apt-file and apt-cache read lists that are there.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.survey.facts import Need

_TABLE = Path(__file__).with_name("packages.toml")
#: What a name of each kind is called on disk, for programs that know packages by their files.
_FILES = {
    "cmake": (r"/cmake/[^/]+/{name}Config\.cmake$", r"/{lower}-config\.cmake$"),
    "pkg-config": (r"/pkgconfig/{name}\.pc$",),
    "library": (r"/lib{name}\.so$",),
}
_SOURCES = ("apt-file", "dpkg", "apt-cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The packages for a need, and who named them; none and "" when nobody knows."""

    need: Need
    packages: tuple[str, ...] = ()
    by: str = ""


def resolve(needs: Iterable[Need]) -> tuple[Found, ...]:
    """The packages for each need. What a project can do without is looked up in the table only."""
    return tuple(_one(need) for need in needs)


def headers(folder: Path) -> tuple[Need, ...]:
    """The headers of the table that the C and C++ sources in `folder` include and do not bring."""
    known = _table()["header"]
    wanted: set[str] = set()
    present: set[str] = set()
    for path in _sources(folder):
        present.add(path.name)
        text = path.read_bytes()[:200_000].decode("utf-8", "replace")
        wanted.update(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.MULTILINE))
    return tuple(
        Need(kind="header", name=name, required=False)
        for name in sorted(wanted & known.keys())
        if name not in present
    )


def _sources(folder: Path) -> list[Path]:
    found = [
        path
        for path in folder.glob("**/*.[ch]*")
        if path.suffix in (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cu", ".cuh")
        and not {".git", "build", "tests", "test", "contrib", "examples"} & set(path.parts[:-1])
    ]
    return [path for path in found[:5000] if path.is_file()]


def _one(need: Need) -> Found:
    table = _table()[need.kind]
    name = need.name if need.name in table else _folded(table).get(need.name.lower(), "")
    if name:
        return Found(need=need, packages=table[name], by="table")
    if need.kind == "python":
        return Found(need=need, packages=(f"python3-{need.name}",), by="its name")
    if need.kind == "component" and need.name.partition("/")[0] in _table()["cmake"]:
        return Found(need=need, by="table")
    if need.required and need.kind in _FILES:
        for source in _SOURCES:
            packages = _ask(source, need)
            if packages:
                return Found(need=need, packages=packages[:1], by=source)
    return Found(need=need)


def _ask(source: str, need: Need) -> tuple[str, ...]:
    """The packages that `source` names, the likeliest first."""
    name = re.escape(need.name)
    patterns = [p.format(name=name, lower=name.lower()) for p in _FILES[need.kind]]
    match source:
        case "apt-file":
            lines = _lines("apt-file", "search", "-x", "--package-only", "|".join(patterns))
            return _likeliest(lines, need.name)
        case "dpkg":
            lines = _lines("dpkg", "-S", *(f"*{_last(need, p)}" for p in patterns))
            return _likeliest([line.partition(":")[0] for line in lines], need.name)
        case _:
            plain = re.sub(r"[^a-z0-9+.-]", "-", need.name.lower()).removeprefix("lib")
            wanted = {f"lib{plain}-dev", f"{plain}-dev", f"lib{plain.replace('-', '')}-dev"}
            names = set(_lines("apt-cache", "pkgnames"))
            return tuple(sorted(wanted & names, key=len, reverse=True))


def _last(need: Need, pattern: str) -> str:
    """The end of a file's name as dpkg's globs write it."""
    return "/" + re.sub(r"\\(.)", r"\1", pattern.rpartition("/")[2].rstrip("$"))


def _likeliest(names: Iterable[str], wanted: str) -> tuple[str, ...]:
    """Development packages first, and of these the one whose name is nearest."""
    plain = wanted.lower().removeprefix("lib")
    return tuple(
        sorted(
            {name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name)},
            key=lambda name: (not name.endswith("-dev"), plain not in name, len(name), name),
        )
    )


def _lines(*command: str) -> list[str]:
    try:
        return programs.run(*command, timeout=30).out.splitlines()
    except EngineError:
        return []


@cache
def _table() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {
        kind: {name: tuple(packages) for name, packages in names.items()}
        for kind, names in table.items()
    }


def _folded(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Names of find_package differ in case between modules and packages' own files."""
    return {name.lower(): name for name in table}
