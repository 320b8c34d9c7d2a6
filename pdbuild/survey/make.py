"""What a Makefile says of a project that has nothing but make."""

import re
from pathlib import Path

from pdbuild.survey.facts import Choice, Facts, Need

FILES = ("GNUmakefile", "makefile", "Makefile")
_SET = re.compile(
    r"^(?:export\s+)?([A-Z][A-Z0-9_]*)\s*(?:\?|:{0,2})=[ \t]*([A-Za-z0-9]*)[ \t]*(?:#[ \t]*(.*))?$",
    re.MULTILINE,
)
_ASKED = re.compile(
    r"ifn?eq[ \t]*\(\s*(?:\$\(strip\s+)?\$[({]([A-Z][A-Z0-9_]*)[)}]\)?\s*,\s*([A-Za-z0-9]*)\s*\)"
)
_DEFINED = re.compile(r"ifn?def[ \t]+([A-Z][A-Z0-9_]*)")
_SWITCHES = {"1": ("1", "0"), "0": ("1", "0"), "yes": ("yes", "no"), "no": ("yes", "no"),
             "true": ("true", "false"), "false": ("true", "false")}  # fmt: skip
_INCLUDE = re.compile(r"^[ \t]*-?include[ \t]+(.+)$", re.MULTILINE)
_LIBRARY = re.compile(r"(?:^|\s)-l([A-Za-z0-9_+.-]+)")
_PKG_CONFIG = re.compile(
    r"(?:pkg-config|\$[({]PKG_?CONFIG[)}])((?:\s+--[a-z-]+(?:=\S+)?)*)((?:\s+[A-Za-z][A-Za-z0-9+._-]*)+)"
)
_AT_HAND = {"m", "dl", "rt", "pthread", "c", "util", "stdc++", "gcc", "supc++", "crypt", "atomic"}
_OF_CUDA = {
    "cuda", "cublas", "curand", "cufft", "cusparse", "cusolver", "cudnn", "nvidia-ml", "nvrtc",
}  # fmt: skip


def read(folder: Path) -> Facts:
    """The facts of the project whose Makefile is in `folder`."""
    path = next(folder / name for name in FILES if (folder / name).is_file())
    text = _included(path)
    below = [p for p in sorted(folder.glob("*/Makefile"))[:50] if "test" not in p.parent.name]
    everywhere = "\n".join((text, *map(_included, below)))
    installs = bool(re.search(r"^[^\t\n#]*\binstall\b[^\n:=]*::?(?!=)", text, re.MULTILINE))
    cuda = bool(re.search(r"\bnvcc\b|\$[({]NVCC[)}]", everywhere))
    cxx = bool(re.search(r"\bg\+\+|\$[({]CXX[)}]|\.(cpp|cc|cxx)\b", everywhere))
    notes = [] if installs else [f"{path.name} has no `install`: write a hook that installs"]
    if installs and "DESTDIR" not in everywhere:
        notes.append(f"{path.name} knows no DESTDIR, which the hook installs by")
    return Facts(
        system="make",
        how=f"the text of {path.name}",
        languages=frozenset({"C", *(["CXX"] if cxx else []), *(["CUDA"] if cuda else [])}),
        choices=_choices(text),
        needs=_needs(everywhere),
        installs=installs,
        toolkit=tuple(
            name for name in dict.fromkeys(_LIBRARY.findall(everywhere)) if name in _OF_CUDA
        ),
        tests=bool(re.search(r"^check\s*:", text, re.MULTILINE)),
        notes=tuple(notes),
    )


def _choices(text: str) -> tuple[Choice, ...]:
    """Variables that are asked for by `ifeq` or `ifdef`, with what they are set to."""
    asked: dict[str, set[str]] = {}
    for name, value in _ASKED.findall(text):
        asked.setdefault(name, set()).add(value)
    defined = set(_DEFINED.findall(text))
    found: dict[str, Choice] = {}
    for name, value, about in _SET.findall(text):
        values = _SWITCHES.get(value) or next(
            (_SWITCHES[v] for v in asked.get(name, ()) if v in _SWITCHES), None
        )
        if values and name in (*asked, *defined):
            found.setdefault(
                name, Choice(name=name, by="make", key=name, values=values,
                             default=value if value in values else values[1], description=about)
            )  # fmt: skip
    for name in asked:
        values = next((_SWITCHES[v] for v in asked[name] if v in _SWITCHES), None)
        if values and not re.search(rf"^\s*(?:override\s+)?{name}\s*[?:+]*=", text, re.MULTILINE):
            found.setdefault(
                name, Choice(name=name, by="make", key=name, values=values, default=values[1])
            )
    return tuple(found.values())


def _needs(text: str) -> tuple[Need, ...]:
    needs = [
        Need(kind="pkg-config", name=name, required=False)
        for _, names in _PKG_CONFIG.findall(text)
        for name in names.split()
    ]
    needs += [
        Need(kind="library", name=name, required=False)
        for name in _LIBRARY.findall(text)
        if name not in _AT_HAND | _OF_CUDA | {"cudart"}
    ]
    return tuple(dict.fromkeys(needs))


def _included(path: Path, depth: int = 3) -> str:
    """A makefile, lines joined and without comments, with those that it includes by name."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    for names in _INCLUDE.findall(text) if depth else ():
        for name in names.split():
            other = path.parent / name
            if "$" not in name and "*" not in name and other.is_file():
                text += "\n" + _included(other, depth - 1)
    return text
