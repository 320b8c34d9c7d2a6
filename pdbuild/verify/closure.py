"""closure: what an image has, it can load; and nothing is in it that nobody answers for."""

import re
from collections.abc import Iterator

from pdbuild import platforms
from pdbuild.verify.elf import Elf, Symbol, machines
from pdbuild.verify.finding import Finding, found, unknown
from pdbuild.verify.loader import Loader, expanded
from pdbuild.verify.subject import Subject

KIND = "closure"

# What pdbuild makes in every image (hooks/runtime), and what engines put there.
_MADE = re.compile(
    r"/usr/lib/pdbuild/(entrypoint|pip\.pyz)|/usr/lib/python3/dist-packages/pip\.py"
    r"|/usr/bin/(pip3?|awk)|/etc/apt/sources\.list"
    r"|/etc/(passwd|group|nsswitch\.conf|os-release|hosts|resolv\.conf)"
    r"|/var/lib/dpkg(/.*)?|/(bin|lib|lib64|sbin|\.dockerenv)"
)
# By its design (proc_service.h) glibc's library for debuggers has these of the debugger.
_OF_DEBUGGERS = re.compile(r"ps_\w+")
_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)+)")


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    elves = [elf for elf in subject.elves.values() if elf.loaded]
    loader = Loader(subject.content, subject.elves, subject.config.env)
    yield found(
        KIND,
        "every ELF file finds its libraries in the image",
        [
            f"{elf.path}: no {name}"
            for elf in elves
            for name in elf.needed
            if loader.library(name, elf) is None
        ],
        f"{len(elves)} files, {sum(len(elf.needed) for elf in elves)} libraries needed",
    )
    yield _symbols(elves, loader)
    yield _searched(subject, elves)
    yield _machine(subject)
    yield from _glibc(subject)
    yield _owned(subject)


def _symbols(elves: list[Elf], loader: Loader) -> Finding:
    given = {elf.path: _given(elf) for elf in elves}
    programs = [given[elf.path] for elf in elves if elf.is_program and elf.has]
    wrong, count = [], 0
    for elf in elves:
        scope = [given[other.path] for other in loader.scope(elf) if other.path in given]
        # A module takes the rest from the program that loads it.
        places = scope if elf.is_program else [*scope, *programs]
        debugs = elf.soname.startswith("libthread_db.so.")
        for symbol in elf.wants:
            if debugs and _OF_DEBUGGERS.fullmatch(symbol.name):
                continue
            count += 1
            if not any(_gives(place, symbol) for place in places):
                version = f"@{symbol.version}" if symbol.version else ""
                wrong.append(f"{elf.path}: undefined symbol {symbol.name}{version}")
    return found(KIND, "no symbol is undefined", wrong, f"{count} symbols")


def _given(elf: Elf) -> dict[str, set[str]]:
    given: dict[str, set[str]] = {}
    for symbol in elf.has:
        given.setdefault(symbol.name, set()).add(symbol.version)
    return given


def _gives(given: dict[str, set[str]], symbol: Symbol) -> bool:
    versions = given.get(symbol.name)
    # A library without versions gives any.
    return versions is not None and (
        not symbol.version or symbol.version in versions or versions == {""}
    )


def _searched(subject: Subject, elves: list[Elf]) -> Finding:
    wrong, count = [], 0
    for elf in elves:
        for folder in elf.searched:
            count += 1
            place = expanded(folder, elf)
            entry = subject.content.find(place)
            if not place.startswith("/") or entry is None or entry.kind != "folder":
                wrong.append(f"{elf.path}: RPATH {folder}, which is not in the image")
    return found(KIND, "no RPATH leads out of the image", wrong, f"{count} folders named")


def _machine(subject: Subject) -> Finding:
    name = subject.config.platform
    platform = platforms.find(name)
    claim = f"all code is for {name}"
    if platform is None:
        return unknown(KIND, claim, "pdbuild does not know how this platform's files look")
    wrong = [
        f"{elf.path}: {elf.machine}, {elf.bits} bits"
        for elf in subject.elves.values()
        if (machines().get(elf.machine), elf.bits) != (platform, platform.bits)
        # Code of GPUs and of BPF is data for the machine.
        and elf.machine not in ("EM_CUDA", "EM_BPF", "EM_AMDGPU")
    ]
    return found(KIND, claim, wrong, f"{len(subject.elves)} files")


def _glibc(subject: Subject) -> Iterator[Finding]:
    floor = subject.claims.glibc
    wanted = {elf.path: _newest(elf) for elf in subject.own}
    newest = max(wanted.values(), default=())
    if not floor:
        return
    most = tuple(map(int, floor.split(".")))
    yield found(
        KIND,
        f"the project's files run with glibc {floor}",
        [f"{path}: needs glibc {_text(v)}" for path, v in wanted.items() if v > most],
        f"{len(wanted)} files, which need {_text(newest) or 'none'}",
    )


def _newest(elf: Elf) -> tuple[int, ...]:
    """The newest version of glibc that a file needs; () for none."""
    matches = filter(None, map(_GLIBC.fullmatch, elf.versions))
    return max((tuple(map(int, match[1].split("."))) for match in matches), default=())


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _owned(subject: Subject) -> Finding:
    claim = "every file belongs to a package, or to the project"
    packages = subject.packages
    if not packages.listed:
        return unknown(KIND, claim, "the image has no lists of its packages' files")
    files = [entry.path for entry in subject.content if entry.kind != "folder"]
    wrong = [
        path
        for path in files
        if path not in packages.owners and path not in subject.shipped and not _MADE.fullmatch(path)
    ]
    return found(KIND, claim, wrong, f"{len(files)} files, {len(packages.all)} packages")
