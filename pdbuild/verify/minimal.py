"""minimal: an image is no larger than it must be, and tools can read what is in it."""

import fnmatch
import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pdbuild.content import Entry
from pdbuild.table import size
from pdbuild.verify.finding import Finding, found, unknown
from pdbuild.verify.packages import INFO, STATUS, Package, Packages, merged_path
from pdbuild.verify.subject import Subject

if TYPE_CHECKING:
    from debian.deb822 import PkgRelation

KIND = "minimal"

_PREFIX = r"(?:[a-z0-9_]+-linux-gnu[a-z0-9]*-)?"
_COMPILERS = re.compile(
    rf"/(?:usr/)?(?:local/)?s?bin/{_PREFIX}(?:gcc|g\+\+|cc|c\+\+|cpp|c89|c99|clang|clang\+\+|tcc|as"
    r"|ld|ld\.(?:bfd|gold|lld)|mold|make|ninja|cmake|meson|nvcc|ptxas|gfortran|rustc|go)(?:-[\d.]+)?"
    r"|.*/(?:cc1|cc1plus|collect2|cicc|nvcc|ptxas)"
)
_CACHES = re.compile(
    r"/var/cache/apt/.*|/var/lib/apt/lists/.*|/var/cache/(?:debconf|ldconfig|man|fontconfig)/.+"
    r"|/(?:root|home/[^/]*)/\.(?:cache|ccache|npm|cargo)/.*|/var/log/.+|/tmp/.+|/var/tmp/.+"
)
_DOCS = re.compile(
    r"/usr/(?:local/)?share/(?:doc/(?!.*/copyright$)|man/|info/|gtk-doc/|lintian/|doc-base/).*"
)
_FIELDS = ("Package", "Version", "Architecture", "Maintainer", "Description")


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    if subject.budget:
        taken = subject.unpacked
        over = [f"it takes {size(taken)}"] if taken > subject.budget else []
        yield found(KIND, f"it takes no more than {size(subject.budget)}", over, size(taken))
    files = [entry for entry in subject.content if entry.kind != "folder"]
    yield _privileged(subject, files)
    kept = [e for e in files if not _any(subject.claims.keep, e.path)]
    for claim, pattern in (
        ("there is no compiler, linker or build tool", _COMPILERS),
        ("there are no caches, logs and lists of packages", _CACHES),
        ("there is no documentation", _DOCS),
    ):
        wrong = [entry.path for entry in kept if pattern.fullmatch(entry.path)]
        yield found(KIND, claim, wrong, f"{len(files)} files")
    yield from _database(subject)


def _privileged(subject: Subject, files: list[Entry]) -> Finding:
    wrong = [
        f"{entry.path}: {'has capabilities' if entry.capable else oct(entry.mode & 0o7777)[2:]}"
        for entry in files
        if entry.kind == "file" and (entry.mode & 0o6000 or entry.capable)
        if entry.path not in subject.claims.setuid
    ]
    allowed = len(subject.claims.setuid)
    evidence = f"{allowed} allowed by the recipe" if allowed else "none has more rights"
    return found(KIND, "no file gives more rights than its caller has", wrong, evidence)


def _any(patterns: tuple[str, ...], path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def _database(subject: Subject) -> Iterator[Finding]:
    packages = subject.packages
    if not packages.all:
        yield found(KIND, "dpkg's database is valid", [f"{STATUS} is empty or not there"], "")
        return
    evidence = f"{len(packages.all)} packages"
    wrong = [*_incomplete(packages), *_unlisted(subject), *_unmet(packages)]
    yield found(KIND, "dpkg's database is valid, and no dependency unmet", wrong, evidence)
    claim = "the files of packages are as they were packed"
    if packages.listed:
        checked = [sums for package in packages.all for sums in _sums(subject, package)]
        changed = [path for path, right in checked if not right]
        yield found(KIND, claim, changed, f"{len(checked)} files by their checksums")
    else:
        yield unknown(KIND, claim, "the image has no lists of its packages' files")


def _incomplete(packages: Packages) -> Iterator[str]:
    seen = set()
    for package in packages.all:
        name = package.name or "a package without a name"
        lacking = [field for field in _FIELDS if not package.fields.get(field, "").strip()]
        if lacking:
            yield f"{name}: no {', '.join(lacking)}"
        if package.status != "install ok installed":
            yield f"{name}: its status is {package.status or 'not there'!r}"
        if (package.name, package.architecture) in seen:
            yield f"{name}: twice"
        seen.add((package.name, package.architecture))


def _unlisted(subject: Subject) -> Iterator[str]:
    """Packages whose list of files is there, but not where dpkg looks for it."""
    each = subject.content.read(f"{INFO}/format").strip() == b"1"
    for package in subject.packages.all:
        same = each and package.fields.get("Multi-Arch", "") == "same"
        stem = f"{package.name}:{package.architecture}" if same else package.name
        if package.files and subject.content.find(f"{INFO}/{stem}.list") is None:
            yield f"{package.name}: dpkg finds no list of its files"


def _unmet(packages: Packages) -> Iterator[str]:
    from debian.deb822 import PkgRelation

    there: dict[str, list[str]] = {}
    for package in packages.all:
        there.setdefault(package.name, []).append(package.version)
        for choices in _relations(package, "Provides"):
            for given in choices:
                version = given.get("version")
                there.setdefault(str(given["name"]), []).append(version[1] if version else "")
    for package in packages.all:
        for field in ("Pre-Depends", "Depends"):
            for choices in _relations(package, field):
                if not any(_met(choice, there) for choice in choices):
                    wanted = " | ".join(PkgRelation.str([[choice]]) for choice in choices)
                    yield f"{package.name} depends on {wanted}"


def _relations(package: Package, field: str) -> "list[list[PkgRelation.ParsedRelation]]":
    from debian.deb822 import PkgRelation

    text = package.fields.get(field, "")
    return PkgRelation.parse_relations(text) if text else []


def _met(relation: "PkgRelation.ParsedRelation", there: dict[str, list[str]]) -> bool:
    from debian.debian_support import version_compare

    versions = there.get(str(relation["name"]))
    wanted = relation.get("version")
    if versions is None or not wanted:
        return versions is not None
    how = {"<<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">>": (1,)}[wanted[0]]
    signs = (version_compare(have, wanted[1]) for have in versions if have)
    return any((sign > 0) - (sign < 0) in how for sign in signs)


def _sums(subject: Subject, package: Package) -> Iterator[tuple[str, bool]]:
    """The files of a package that its checksums name and the image has, each with whether it is
    as it was packed.
    """
    for stem in (package.name, f"{package.name}:{package.architecture}"):
        text = subject.content.read(f"{INFO}/{stem}.md5sums").decode(errors="surrogateescape")
        for line in text.splitlines():
            wanted, _, name = line.partition("  ")
            path = merged_path(f"/{name}")
            entry = subject.content.find(path)
            if entry and entry.kind == "file":
                data = subject.content.read(path)
                made = hashlib.md5(data, usedforsecurity=False).hexdigest()
                yield path, made == wanted
