"""What names, versions, platforms and sizes may look like, and what was probably meant."""

import difflib
import re
from collections.abc import Iterable

from pdbuild.platforms import PLATFORMS as COMPILED
from pdbuild.version import LONGEST, WRITTEN

PLATFORMS = (
    "linux/386",
    "linux/amd64",
    "linux/arm/v5",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64",
    "linux/loong64",
    "linux/mips64le",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
)

# What uname, Debian and OCI's own longer form call the same machines.
_OTHER_ARCHITECTURES = {
    "aarch64": "arm64",
    "arm": "arm/v7",
    "arm64/v8": "arm64",
    "armel": "arm/v5",
    "armhf": "arm/v7",
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
    "mips64el": "mips64le",
    "ppc64el": "ppc64le",
    "x64": "amd64",
    "x86": "386",
    "x86-64": "amd64",
    "x86_64": "amd64",
}

BLOCK = re.compile(r"[a-z0-9][a-z0-9-]*")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?")
DEBIAN_RELATION = re.compile(
    r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?( \((<<|<=|=|>=|>>) [A-Za-z0-9.+~:-]+\))?"
)
ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOOK = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*")
MAINTAINER = re.compile(r"[^<>\s][^<>]* <[^<>@\s]+@[^<>@\s]+>")
OPTION = re.compile(r"[A-Z][A-Z0-9_]*")
OPTION_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
SECTION = re.compile(r"([a-z-]+/)?[a-z0-9-]+")
SUITE = re.compile(r"[a-z][a-z0-9.+-]*")
VARIANT = re.compile(r"[a-z0-9][a-z0-9-]*")

_DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_OCI_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
#: What `[project].tag` may be: the name of a tag in git, but for the version in it.
TAG_PATTERN = re.compile(r"[A-Za-z0-9._/+@-]*\{version\}[A-Za-z0-9._/+@-]*")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kMGT]i?)?B")
_UNITS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}

LONGEST_VARIANT = 40
_LONGEST_NAME = 100


def quote(text: str) -> str:
    """`text` between double quotes, on one line and safe to print, shortened when long."""
    if len(text) > 80:
        text = text[:77] + "..."
    safe = (c if c.isprintable() and c not in '"\\' else _escape(c) for c in text)
    return '"' + "".join(safe) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character.encode("unicode_escape").decode("ascii")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known`, or else listing them when they are few."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near:
        return f"did you mean {quote(near)}?"
    if 0 < len(names) <= 24:
        return "known: " + ", ".join(names)
    return ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that `word` was probably meant to be; "" when none is near."""
    by_fold = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word[:100].casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""


def project_problem(name: str) -> str:
    """What keeps `name` from naming a Debian package (policy 5.6.1) and an image; "" if nothing."""
    if len(name) > _LONGEST_NAME:
        return f"{quote(name)} is longer than {_LONGEST_NAME} characters"
    if not _DEBIAN_NAME.fullmatch(name):
        return (
            f"{quote(name)} is not a Debian package name: at least two lower-case letters, "
            "digits, + - or ., starting with a letter or digit"
        )
    if not _OCI_NAME.fullmatch(name):
        return (
            f"{quote(name)} cannot name an image: no +, and every - or . stands between "
            "letters or digits"
        )
    return ""


def version_problem(version: str) -> str:
    """What keeps `version` from being a package's version and an image's tag; "" if nothing."""
    if len(version) > LONGEST:
        return f"{quote(version)} is longer than {LONGEST} characters"
    if not WRITTEN.fullmatch(version):
        return (
            f"{quote(version)} is not a version: it begins with a digit and has letters, digits, "
            "dots, hyphens, + and ~"
        )
    return ""


def platform_problem(platform: str) -> tuple[str, str]:
    """What is wrong with an OCI platform and a hint; two empty strings if nothing."""
    if platform in PLATFORMS:
        return "", ""
    system, slash, architecture = platform.lower().partition("/")
    if not slash:
        system, architecture = "", system
    meant = f"linux/{_OTHER_ARCHITECTURES.get(architecture, architecture)}"
    if system not in ("", "linux"):
        return f"{quote(platform)}: containers are built for linux only", (
            f"did you mean {quote(meant)}?" if meant in PLATFORMS else ""
        )
    if meant in PLATFORMS:
        return f"{quote(platform)} is not a platform's name", f"did you mean {quote(meant)}?"
    known = [known.partition("/")[2] for known in PLATFORMS]
    near = nearest(meant.partition("/")[2], known)
    hint = f"did you mean {quote('linux/' + near)}?" if near else did_you_mean("", COMPILED)
    return f"unknown platform {quote(platform)}", hint


def size(text: str) -> int | None:
    """The bytes of a size such as "75MB", "1.5GB" or "64MiB"; None when it is not one."""
    match = _SIZE.fullmatch(text)
    if match is None or len(text) > 20:
        return None
    number, unit = match[1], match[2] or ""
    step = 1024 if unit.endswith("i") else 1000
    return round(float(number) * float(step) ** _UNITS[unit.removesuffix("i")])
