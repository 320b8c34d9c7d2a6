"""What `configure --help`, or the text of configure.ac, says of an autotools project."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.survey.facts import Choice, Facts, Need

_HELP = re.compile(r"^  --(enable|disable|with|without)-([a-z0-9][a-z0-9_+.-]*)(\S*)\s*(.*)$")
_STANDARD = {
    "feature", "package", "option-checking", "silent-rules", "dependency-tracking", "shared",
    "static", "fast-install", "libtool-lock", "largefile", "maintainer-mode", "rpath", "nls",
    "pic", "gnu-ld", "sysroot", "aix-soname", "libiconv-prefix", "libintl-prefix", "year2038",
    "pkgconfigdir",
}  # fmt: skip
_DEFAULT = re.compile(r"default(?: is|:|=)?\s*[=:]?\s*\[?\"?'?(yes|no|on|off|enabled|disabled)\b")
_MACRO = re.compile(r"\b(A[CMXS]_[A-Z0-9_]+|LT_INIT|PKG_[A-Z_]+|IT_PROG_INTLTOOL|GTK_DOC_CHECK)\b")
_NEEDED_BY_MACRO = {
    "LT_INIT", "AM_PROG_LIBTOOL", "AC_PROG_LIBTOOL", "AC_PROG_YACC", "AC_PROG_LEX", "AM_PROG_LEX",
    "AM_GNU_GETTEXT", "IT_PROG_INTLTOOL", "GTK_DOC_CHECK", "AM_PATH_PYTHON", "PKG_PROG_PKG_CONFIG",
    "PKG_CHECK_MODULES", "AM_NLS",
}  # fmt: skip
# Libraries of the C library and the compiler, which are always there.
_AT_HAND = {"m", "dl", "rt", "pthread", "c", "util", "resolv", "nsl", "socket", "gcc", "stdc++",
            "crypt", "atomic", "anl"}  # fmt: skip


def read(folder: Path, *, run: bool) -> Facts:
    """The facts of the project in `folder`; with `run`, its `configure` is asked for its help."""
    path = next(
        (folder / n for n in ("configure.ac", "configure.in") if (folder / n).is_file()), None
    )
    text = _without_comments(path.read_text(encoding="utf-8", errors="replace")) if path else ""
    help_text = _help(folder) if run else ""
    init = _arguments(text, "AC_INIT")
    return Facts(
        system="autotools",
        how="configure --help"
        if help_text
        else f"the text of {path.name if path else 'configure'}",
        name=_plain(init[0]) if len(init) > 1 else "",
        version=_literal(init[1]) if len(init) > 1 else "",
        homepage=_literal(init[4]) if len(init) > 4 else "",
        languages=frozenset({"C", *(["CXX"] if "AC_PROG_CXX" in text else [])}),
        choices=_from_help(help_text) if help_text else _from_text(text),
        needs=_needs(text),
        programs=_programs(folder),
        tests=True,  # every Makefile of automake's has `check`
    )


def _help(folder: Path) -> str:
    """The help of the project's `configure`, which runs in a folder of its own."""
    script = folder / "configure"
    if not script.is_file():
        return ""
    with TemporaryDirectory(prefix="pdbuild-init-") as scratch:
        try:
            text = programs.run("sh", script.resolve(), "--help", cwd=Path(scratch), timeout=30).out
        except EngineError:
            return ""
        return text if "--prefix" in text else ""


def _from_help(text: str) -> tuple[Choice, ...]:
    """The features and packages of the help, each with its lines' text."""
    entries: list[list[str]] = []
    for line in text.splitlines():
        if found := _HELP.match(line):
            entries.append([found[1], found[2], found[3], found[4]])
        elif entries and re.match(r" {8,}\S", line):
            entries[-1][3] = f"{entries[-1][3]} {line.strip()}".strip()
        elif line.strip():
            entries.append(["", "", "", ""])
    return _choices([(a, b, c, d) for a, b, c, d in entries if a])


def _from_text(text: str) -> tuple[Choice, ...]:
    entries = []
    for kind in ("ENABLE", "WITH"):
        for call in _calls(text, f"AC_ARG_{kind}"):
            name = _plain(call[0])
            about = _arguments(call[1], "AS_HELP_STRING") if len(call) > 1 else []
            said = (
                re.match(r"--(enable|disable|with|without)-[a-z0-9_+.-]+(\S*)", _plain(about[0]))
                if about
                else None
            )
            how = said[1] if said else kind.lower()
            entries.append(
                (how, name, said[2] if said else "", _plain(about[1]) if len(about) > 1 else "")
            )
    return _choices(entries)


def _choices(entries: list[tuple[str, str, str, str]]) -> tuple[Choice, ...]:
    """A switch is one that takes no value of its own, or says yes and no."""
    found: dict[str, Choice] = {}
    for how, name, value, text in entries:
        if name in _STANDARD or not re.fullmatch(r"[a-z0-9][a-z0-9_+.-]*", name):
            continue
        takes_value = bool(value) and not re.search(r"\byes\b|\bno\b|ARG", value)
        # "--disable-x" in the help says that x is on unless it is told not to be.
        default = "no" if how in ("enable", "with") else "yes"
        if said := _DEFAULT.search(text):
            default = "yes" if said[1] in ("yes", "on", "enabled") else "no"
        elif re.search(r"default.{0,4}(check|auto)", text):
            default = ""
        kind = "enable" if how in ("enable", "disable") else "with"
        found.setdefault(
            name,
            Choice(name=name, by="configure", key=f"{kind}-{name}",
                   values=() if takes_value else ("yes", "no"),
                   default="" if takes_value else default, description=text),
        )  # fmt: skip
    return tuple(found.values())


def _needs(text: str) -> tuple[Need, ...]:
    needs = [
        Need(kind="macro", name=name) for name in _MACRO.findall(text) if name in _NEEDED_BY_MACRO
    ]
    if re.search(r"\bAX_[A-Z]", text):
        needs.append(Need(kind="macro", name="AX_"))
    for call in _calls(text, "PKG_CHECK_MODULES"):
        modules = re.sub(r"[<>=]+\s*\S+", " ", _plain(call[1]) if len(call) > 1 else "")
        required = len(call) < 4 or "AC_MSG_ERROR" in call[3]
        needs += [
            Need(kind="pkg-config", name=name, required=required)
            for name in modules.split()
            if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*", name)
        ]
    for macro, at in (("AC_CHECK_LIB", 0), ("AC_SEARCH_LIBS", 1)):
        for call in _calls(text, macro):
            names = _plain(call[at]).split() if len(call) > at else []
            if (
                not names
                or _AT_HAND & set(names)
                or not re.fullmatch(r"[A-Za-z0-9_+.-]+", names[0])
            ):
                continue
            needs.append(Need(kind="library", name=names[0], required=False))
    return tuple(dict.fromkeys(needs))


def _programs(folder: Path) -> tuple[str, ...]:
    """What Makefile.am installs below bin."""
    names: list[str] = []
    for path in sorted(folder.glob("**/Makefile.am")):
        text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
        for line in re.findall(r"^\s*s?bin_PROGRAMS\s*\+?=(.*)$", text, re.MULTILINE):
            names += [name for name in line.split() if re.fullmatch(r"[A-Za-z0-9_+.-]+", name)]
    return tuple(dict.fromkeys(names))


# m4: macro calls with arguments in balanced parentheses and brackets.


def _calls(text: str, macro: str) -> list[list[str]]:
    return [
        _split(text, found.end()) for found in re.finditer(rf"\b[A-Z]*_?{macro}\(", text)
        if found[0].rstrip("(").endswith(macro)
    ]  # fmt: skip


def _arguments(text: str, macro: str) -> list[str]:
    calls = _calls(text, macro)
    return calls[0] if calls else []


def _split(text: str, at: int) -> list[str]:
    """The arguments of the call whose parenthesis opens before `at`."""
    parts: list[str] = []
    depth, start = 0, at
    for index in range(at, len(text)):
        character = text[index]
        if character in "([":
            depth += 1
        elif character == ")" and depth == 0:
            return [part.strip() for part in (*parts, text[start:index])]
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [part.strip() for part in parts]


def _plain(text: str) -> str:
    text = text.replace("@<:@", "(").replace("@:>@", ")")
    return " ".join(text.replace("[", "").replace("]", "").split())


def _literal(text: str) -> str:
    """A text without macros; "" when it has some."""
    plain = _plain(text)
    return plain if re.fullmatch(r"[A-Za-z0-9.:/~+-]*", plain) else ""


def _without_comments(text: str) -> str:
    return re.sub(r"(^|\s)(dnl\b|#)[^\n]*", r"\1", text)
