"""Which functions of a file can be reached without a resolver's choice; see `code`."""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pdbuild.verify.elf import section_of
from pdbuild.verify.functions import EXECUTABLE, Code

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_RELATIVE, _IRELATIVE = 8, 37  # R_X86_64_*
_BESIDE = re.compile(r"\[rip ([+-]) (0x[0-9a-f]+|\d+)\]")
# glibc's list of all implementations, for its tests: it calls none of them.
_LISTS = frozenset(("__libc_ifunc_impl_list",))


def reachable(code: Code) -> set[int]:
    """The functions that can be reached without a resolver's choice."""
    resolvers, roots = _entries(code)
    leads: dict[int, set[int]] = {}
    for start, body in code.functions():
        leads[start] = set(_ways(code, start, body)) - {start}
    known = set[int]().union(*leads.values())
    roots |= {start for start in leads if start not in known}
    reached: set[int] = set()
    waiting = list(roots | resolvers)
    while waiting:
        at = waiting.pop()
        if at not in reached:
            reached.add(at)
            if at not in resolvers and code.name(at) not in _LISTS:
                waiting.extend(leads.get(at, ()))
    return reached


def _ways(code: Code, start: int, body: bytes) -> Iterable[int]:
    """The functions that a function calls, jumps to or takes the address of."""
    fixed = code.elf["e_type"] == "ET_EXEC"
    for address, size, mnemonic, operands in code.instructions(start, body):
        if mnemonic == "lea":
            beside = _BESIDE.search(operands)
            if beside is None:
                continue
            value = address + size + int(beside[2], 0) * (1 if beside[1] == "+" else -1)
        elif mnemonic == "call" or mnemonic[0] == "j" or fixed:
            # Code that can be loaded anywhere has addresses in no other form.
            last = operands.rpartition(", ")[2]
            if not last.startswith("0x"):
                continue
            value = int(last, 16)
        else:
            continue
        if (there := code.holding(value)) is not None:
            yield there


def _entries(code: Code) -> tuple[set[int], set[int]]:
    """The resolvers; and where code is entered from outside, or through data."""
    elf = code.elf
    resolvers: set[int] = set()
    roots = {elf["e_entry"]}
    for table in (".dynsym", ".symtab"):
        section = section_of(elf, table)
        for symbol in section.iter_symbols() if section else ():
            address, kind = symbol["st_value"], symbol["st_info"]["type"]
            if kind == "STT_LOOS":  # STT_GNU_IFUNC
                resolvers.add(address)
            elif table == ".dynsym" and symbol["st_shndx"] != "SHN_UNDEF":
                roots.add(address)
    for relocation in _relocations(elf):
        kind, addend = relocation["r_info_type"], relocation["r_addend"]
        if kind == _IRELATIVE:
            resolvers.add(addend)
        elif kind == _RELATIVE:
            roots.add(addend)
    roots |= set(_pointers(elf))
    for name in ("init", "fini"):
        if section := section_of(elf, f".{name}"):
            roots.add(section["sh_addr"])
    held = (code.holding(address) for address in roots - resolvers)
    starts = (code.holding(address) for address in resolvers)
    return {s for s in starts if s is not None}, {s for s in held if s is not None}


def _relocations(elf: "ELFFile") -> Iterator[Any]:
    from elftools.elf.relocation import RelocationSection

    for section in elf.iter_sections():
        # Of a program that is not finished, they are for the linker.
        if isinstance(section, RelocationSection) and section.is_RELA():
            yield from section.iter_relocations()
        elif section["sh_type"] == "SHT_RELR":
            yield from _compact(elf, section)


def _compact(elf: "ELFFile", section: Any) -> Iterator[dict[str, int]]:
    """Relocations of DT_RELR: where there are addresses in data; the addends stand there."""
    held = [
        (s["sh_addr"], s.data())
        for s in elf.iter_sections()
        if s["sh_addr"] and s["sh_type"] != "SHT_NOBITS"
    ]
    for relocation in section.iter_relocations():
        place = relocation["r_offset"]
        for first, data in held:
            if first <= place < first + len(data) - 7:
                (addend,) = struct.unpack_from("<Q", data, place - first)
                yield {"r_info_type": _RELATIVE, "r_addend": addend}


def _pointers(elf: "ELFFile") -> Iterator[int]:
    """Addresses in the data of a program that is loaded at a fixed address: nothing relocates
    them.
    """
    if elf["e_type"] != "ET_EXEC":
        return
    for section in elf.iter_sections():
        if section["sh_flags"] & 2 and not section["sh_flags"] & EXECUTABLE:
            if section["sh_type"] not in ("SHT_PROGBITS", "SHT_INIT_ARRAY", "SHT_FINI_ARRAY"):
                continue
            data = section.data()
            yield from (v for (v,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8]))
