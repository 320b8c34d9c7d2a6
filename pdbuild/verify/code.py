"""Which functions of an x86-64 file have instructions of a CPU feature, and who can reach them.

A function is *guarded* when all ways to it lead through a resolver of an indirect function
(STT_GNU_IFUNC, or a relocation IRELATIVE): the loader calls that once, it looks at the CPU and
gives an address. Ways are calls, jumps, addresses that instructions take, and addresses in data.
So the file's entry, what it exports, what its tables point at, and functions to which no way is
known can all be reached; and so can everything that they lead to, but for what a resolver leads to.

What is not known counts as reachable: the criterion may blame a function that nobody calls, and
never clears one that somebody may.
"""

import bisect
import functools
import io
import itertools
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pdbuild.recipe.features import EVEX, FEATURES, VEX2, VEX3, Feature
from pdbuild.verify.elf import section_of

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_EXECUTABLE = 4  # SHF_EXECINSTR
_RELATIVE, _IRELATIVE = 8, 37  # R_X86_64_*
# The address of something on the stack goes into a register.
_ON_STACK = re.compile(r"lea r\w+, \[r[sb]p( [+-] (0x[0-9a-f]+|\d+))?\]|mov r\w+, rsp", re.ASCII)
_BESIDE = re.compile(r"\[rip ([+-]) (0x[0-9a-f]+|\d+)\]")
# glibc's list of all implementations, for its tests: it calls none of them.
_LISTS = frozenset(("__libc_ifunc_impl_list",))
# Prefixes that may stand in front of VEX and EVEX: segments and the size of addresses.
_SEGMENTS = b"\x26\x2e\x36\x3e\x64\x65\x67"
_FIRST = frozenset((*_SEGMENTS, VEX2, VEX3, EVEX))
# Bytes that can begin VEX and EVEX in 64-bit code, each with what its fields allow.
_CANDIDATE = re.compile(
    b"\xc5.[^\x00-\x0f\x18-\x27]|\xc4["
    + re.escape(bytes(b for b in range(256) if b & 31 in (1, 2, 3)))
    + b"]|\x62["
    + re.escape(bytes(b for b in range(256) if not b & 8 and b & 7 in (1, 2, 3, 5, 6)))
    + b"]["
    + re.escape(bytes(b for b in range(256) if b & 4))
    + b"]",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function with instructions of the feature: one of these is `example`."""

    name: str
    example: str
    guarded: bool


# An instruction: its address, its size, its name and its operands. Plain, as there are millions.
_Instruction = tuple[int, int, str, str]


class _Code:
    """The code of a file as functions: ranges of addresses, each with a name."""

    def __init__(self, data: bytes, symbols: Mapping[int, str]) -> None:
        from elftools.elf.elffile import ELFFile

        self.elf = ELFFile(io.BytesIO(data))
        self.sections = [
            (section["sh_addr"], section.data())
            for section in self.elf.iter_sections()
            if section["sh_flags"] & _EXECUTABLE and section["sh_type"] == "SHT_PROGBITS"
        ]
        self.names = dict(symbols) | dict(_named(self.elf))
        starts = {*self.names, *_unwound(self.elf), *(address for address, _ in self.sections)}
        self.starts = sorted(a for a in starts if self._inside(a))
        self._engine = _capstone()

    def functions(self) -> Iterator[tuple[int, bytes]]:
        """Each function: its address and its bytes."""
        for address, code in self.sections:
            first = bisect.bisect_left(self.starts, address)
            last = bisect.bisect_left(self.starts, address + len(code))
            bounds = [*self.starts[first:last], address + len(code)]
            for start, end in itertools.pairwise(bounds):
                yield start, code[start - address : end - address]

    def holding(self, address: int) -> int | None:
        """The start of the function that an address is in."""
        if not self._inside(address):
            return None
        at = bisect.bisect_right(self.starts, address)
        return self.starts[at - 1] if at else None

    def instructions(self, start: int, code: bytes) -> Iterator[_Instruction]:
        """The instructions of a function."""
        found: Iterator[_Instruction] = self._engine.disasm_lite(code, start)
        return found

    def name(self, start: int) -> str:
        """A function's name, or where it is."""
        return self.names.get(start) or f"the function at {start:#x}"

    def _inside(self, address: int) -> bool:
        return any(first <= address < first + len(code) for first, code in self.sections)


def scan(data: bytes, feature: str, names: "Symbols" = ()) -> tuple[Function, ...]:
    """The functions of the x86-64 file `data` that have instructions of a CPU `feature`.

    `names` are those besides those that the file itself has.
    """
    code = _Code(data, dict(names))
    using = dict(_using(code, FEATURES[feature]))
    if not using:
        return ()
    reachable = _reachable(code)
    return tuple(
        Function(name=code.name(start), example=example, guarded=start not in reachable)
        for start, example in sorted(using.items())
    )


#: Names by address; a tuple, so that what was found can be remembered by it.
Symbols = tuple[tuple[int, str], ...]


def symbols(data: bytes) -> Symbols:
    """The names of the functions of a file, as its own table or that of a debugger has them."""
    from elftools.elf.elffile import ELFFile

    return tuple(_named(ELFFile(io.BytesIO(data))))


def build_id(data: bytes) -> str:
    """The id by which debuggers find a file's symbols; "" when it has none."""
    from elftools.elf.elffile import ELFFile

    section = section_of(ELFFile(io.BytesIO(data)), ".note.gnu.build-id")
    return next((str(note["n_desc"]) for note in section.iter_notes()), "") if section else ""


def unprotected(data: bytes) -> str:
    """A function whose stack `-fstack-protector-strong` would guard, and that is not; or "".

    That is one which hands the address of something on its stack to another, in a file where
    no function has a guard.
    """
    from elftools.elf.elffile import ELFFile

    if ELFFile(io.BytesIO(data))["e_machine"] != "EM_X86_64":
        return ""
    code = _Code(data, {})
    for start, body in code.functions():
        # Of arguments alone, as the compiler's own start files have them, nothing is guarded.
        if code.names.get(start) in ("_start", "__libc_csu_init"):
            continue
        taken, room = False, False
        for _, _, mnemonic, operands in code.instructions(start, body):
            room |= mnemonic == "sub" and operands.startswith("rsp, ")
            # Before there is room, the frame pointer is set.
            taken |= room and bool(_ON_STACK.fullmatch(f"{mnemonic} {operands}"))
            if taken and mnemonic == "call":
                return code.name(start)
    return ""


def _capstone() -> Any:
    import capstone

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.skipdata = True
    return engine


def _named(elf: "ELFFile") -> Iterator[tuple[int, str]]:
    for table in (".symtab", ".dynsym"):
        section = section_of(elf, table)
        # Of a file of debug symbols, nothing but the table is there.
        if section is None or section["sh_type"] == "SHT_NOBITS":
            continue
        for symbol in section.iter_symbols():
            kind = symbol["st_info"]["type"]
            if kind in ("STT_FUNC", "STT_LOOS") and symbol["st_value"] and symbol.name:
                yield symbol["st_value"], symbol.name


def _unwound(elf: "ELFFile") -> Iterator[int]:
    """The functions that the table for unwinding knows: their starts, sorted for a search."""
    section = section_of(elf, ".eh_frame_hdr")
    if section is None:
        return
    data, base = section.data(), section["sh_addr"]
    # Version 1; a pointer and a count of four bytes; a table relative to this section.
    if len(data) < 12 or data[0] != 1 or data[2:4] != b"\x03\x3b":
        return
    (count,) = struct.unpack_from("<I", data, 8)
    for place, _ in struct.iter_unpack("<ii", data[12 : 12 + 8 * count]):
        yield base + place


def _using(code: _Code, feature: Feature) -> Iterator[tuple[int, str]]:
    """The functions with such instructions, each with one of them."""
    for start, body in code.functions():
        if not _CANDIDATE.search(body):
            continue
        for address, size, mnemonic, operands in code.instructions(start, body):
            at = address - start
            if body[at] not in _FIRST or mnemonic == ".byte":
                continue
            raw = body[at : at + size].lstrip(_SEGMENTS)
            if _is_of(feature, mnemonic, raw):
                yield start, f"{mnemonic} {operands}".strip()
                break


def _is_of(feature: Feature, mnemonic: str, raw: bytes) -> bool:
    """Whether an instruction, encoded as `raw` without prefixes, needs the feature."""
    if not raw or not feature.has(mnemonic, raw[0]):
        return False
    # What has EVEX needs more than any group with VEX.
    return not feature.group or raw[0] == EVEX or _in_group(raw, feature.group)


def _in_group(raw: bytes, group: str) -> bool:
    engine = _detailed()
    return any(group in map(engine.group_name, i.groups) for i in engine.disasm(raw, 0))


@functools.cache
def _detailed() -> Any:
    import capstone

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.detail = True
    return engine


def _reachable(code: _Code) -> set[int]:
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


def _ways(code: _Code, start: int, body: bytes) -> Iterable[int]:
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


def _entries(code: _Code) -> tuple[set[int], set[int]]:
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
        if section["sh_flags"] & 2 and not section["sh_flags"] & _EXECUTABLE:
            if section["sh_type"] not in ("SHT_PROGBITS", "SHT_INIT_ARRAY", "SHT_FINI_ARRAY"):
                continue
            data = section.data()
            yield from (v for (v,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8]))
