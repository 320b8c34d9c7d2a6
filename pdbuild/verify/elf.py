"""What an ELF file says of itself, read by pyelftools."""

import functools
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pdbuild.content import Content, Entry, Layer, digest
from pdbuild.platforms import PLATFORMS, Platform
from pdbuild.verify import memory

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_EXECUTABLE, _DYNAMIC = "ET_EXEC", "ET_DYN"
_WHAT = "ELF"
_BIND_NOW, _NOW, _PIE = 8, 1, 0x08000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A dynamic symbol: its name, and the version that it is bound to (or "")."""

    name: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """One ELF file. `machine` and `kind` are as in the ELF header: EM_X86_64, ET_DYN.

    `path` says where it is; `searched` are RPATH or RUNPATH as they stand. `wants` are symbols
    that others must have, `has` those that it has for others. `versions` are those that it wants
    of libraries, such as GLIBC_2.34.
    """

    path: str
    machine: str
    bits: int
    kind: str
    interpreter: str
    soname: str
    needed: tuple[str, ...]
    searched: tuple[str, ...]
    wants: tuple[Symbol, ...]
    has: tuple[Symbol, ...]
    versions: tuple[str, ...]
    sections: frozenset[str]
    pie: bool
    relro: bool
    bind_now: bool
    exec_stack: bool

    @property
    def is_program(self) -> bool:
        """Whether the kernel starts it, and not a program loads it."""
        return bool(self.interpreter) or self.kind == _EXECUTABLE

    @property
    def loaded(self) -> bool:
        """Whether it is linked: a program or a shared library, no object file."""
        return self.kind in (_EXECUTABLE, _DYNAMIC)


@functools.cache
def machines() -> dict[str, Platform]:
    """The platforms by the machine of the ELF header, as `Elf` has it."""
    from elftools.elf.enums import ENUM_E_MACHINE

    numbers = {platform.elf: platform for platform in PLATFORMS.values()}
    return {name: numbers[number] for name, number in ENUM_E_MACHINE.items() if number in numbers}


def all_of(content: Content) -> dict[str, Elf]:
    """The ELF files of an image, by path. Core files and what is broken are left out."""
    made = {}
    for path, (layer, entry) in content.files.items():
        if is_one(layer, entry) and (elf := of(layer, entry)):
            made[path] = elf
    return made


def is_one(layer: Layer, entry: Entry) -> bool:
    """Whether a file begins like an ELF file."""
    if entry.kind != "file" or entry.size < 52:
        return False
    return layer.tar[entry.offset : entry.offset + 4] == b"\x7fELF"


def is_known(layer: Layer, entry: Entry) -> bool:
    """Whether `of` has read the file before."""
    return memory.knows(_WHAT, digest(layer, entry))


@functools.lru_cache(maxsize=8192)
def of(layer: Layer, entry: Entry) -> Elf | None:
    """An ELF file of a layer; None when it cannot be read as one."""
    content = digest(layer, entry)
    told = memory.recall(_WHAT, content)
    if isinstance(told, dict):
        return _recalled(entry.path, told)
    elf = parse(entry.path, layer.read(entry))
    if elf:
        memory.keep(_WHAT, content, _told(elf))
    return elf


def _told(elf: Elf) -> dict[str, Any]:
    told = {field.name: getattr(elf, field.name) for field in fields(elf)}
    symbols = {name: [(s.name, s.version) for s in told[name]] for name in ("wants", "has")}
    return told | symbols | {"sections": sorted(elf.sections)}


def _recalled(path: str, told: dict[str, Any]) -> Elf:
    tuples = {name: tuple(told[name]) for name in ("needed", "searched", "versions")}
    symbols = {
        key: tuple(Symbol(name=name, version=version) for name, version in told[key])
        for key in ("wants", "has")
    }
    sections = frozenset(told["sections"])
    return Elf(**told | tuples | symbols | {"path": path, "sections": sections})


def parse(path: str, data: bytes) -> Elf | None:
    """The ELF file `data`, which is at `path`; None when it cannot be read as one."""
    from elftools.common.exceptions import ELFError, ELFParseError
    from elftools.elf.elffile import ELFFile

    try:
        return _parsed(path, ELFFile(io.BytesIO(data)))
    except (ELFError, ELFParseError, ValueError, KeyError, struct.error, AssertionError):
        return None


def section_of(elf: "ELFFile", name: str) -> Any:
    """A section, which has what its type has; None when there is none."""
    return elf.get_section_by_name(name)


def _parsed(path: str, elf: "ELFFile") -> Elf:
    # What a segment can tell depends on its type, which the library's types do not follow.
    kinds: dict[str, Any] = {segment["p_type"]: segment for segment in elf.iter_segments()}
    dynamic = kinds.get("PT_DYNAMIC")
    tags: dict[str, list[Any]] = {}
    if dynamic is not None:
        for tag in dynamic.iter_tags():
            tags.setdefault(tag.entry.d_tag, []).append(tag)
    flags = sum(t.entry.d_val for t in tags.get("DT_FLAGS", ()))
    flags_1 = sum(t.entry.d_val for t in tags.get("DT_FLAGS_1", ()))
    stack = kinds.get("PT_GNU_STACK")
    wants, has = _symbols(elf)
    kind = elf["e_type"]
    loaded = kind in (_EXECUTABLE, _DYNAMIC)
    interpreter = kinds["PT_INTERP"].get_interp_name() if "PT_INTERP" in kinds else ""
    return Elf(
        path=path,
        machine=elf["e_machine"],
        bits=elf.elfclass,
        kind=kind,
        interpreter=interpreter,
        soname=next((t.soname for t in tags.get("DT_SONAME", ())), ""),
        needed=tuple(t.needed for t in tags.get("DT_NEEDED", ())),
        searched=tuple(
            folder
            for name, attribute in (("DT_RPATH", "rpath"), ("DT_RUNPATH", "runpath"))
            for t in tags.get(name, ())
            for folder in getattr(t, attribute).split(":")
            if folder
        ),
        wants=wants,
        has=has,
        versions=tuple(_versions(elf)),
        sections=frozenset(section.name for section in elf.iter_sections()),
        pie=kind == _DYNAMIC and (bool(flags_1 & _PIE) or not interpreter),
        relro="PT_GNU_RELRO" in kinds,
        bind_now="DT_BIND_NOW" in tags or bool(flags & _BIND_NOW) or bool(flags_1 & _NOW),
        exec_stack=loaded and (stack is None or bool(stack["p_flags"] & 1)),
    )


def _symbols(elf: "ELFFile") -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
    """The global dynamic symbols: those that others must have, and those that are here."""
    wants: list[Symbol] = []
    has: list[Symbol] = []
    table, bound = section_of(elf, ".dynsym"), section_of(elf, ".gnu.version")
    names = _version_names(elf)
    # Numbers of versions. By the library's own way that is half of the time of all.
    order = "<H" if elf.little_endian else ">H"
    numbers = [n for (n,) in struct.iter_unpack(order, bound.data())] if bound else []
    for number, symbol in enumerate(table.iter_symbols() if table else ()):
        bind = symbol["st_info"]["bind"]
        if bind == "STB_LOCAL" or not symbol.name:
            continue
        version = names.get(numbers[number] & 0x7FFF, "") if number < len(numbers) else ""
        made = Symbol(name=symbol.name, version=version)
        if symbol["st_shndx"] != "SHN_UNDEF":
            has.append(made)
        elif bind != "STB_WEAK":
            wants.append(made)
    return tuple(wants), tuple(has)


def _version_names(elf: "ELFFile") -> dict[int, str]:
    names: dict[int, str] = {}
    if (wanted := section_of(elf, ".gnu.version_r")) is not None:
        for _, versions in wanted.iter_versions():
            names |= {version["vna_other"]: version.name for version in versions}
    if (given := section_of(elf, ".gnu.version_d")) is not None:
        for definition, versions in given.iter_versions():
            if not definition["vd_flags"] & 1:  # not the file's own name
                names[definition["vd_ndx"]] = next(iter(versions)).name
    return names


def _versions(elf: "ELFFile") -> Iterator[str]:
    wanted = section_of(elf, ".gnu.version_r")
    if wanted is not None:
        for _, versions in wanted.iter_versions():
            yield from (version.name for version in versions)
