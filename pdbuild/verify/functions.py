"""The code of an x86-64 file as functions, and what they are called."""

import bisect
import io
import itertools
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pdbuild.verify.elf import section_of

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

#: Of a section: it holds code.
EXECUTABLE = 4  # SHF_EXECINSTR

# An instruction: its address, its size, its name and its operands. Plain, as there are millions.
Instruction = tuple[int, int, str, str]


class Code:
    """The code of a file as functions: ranges of addresses, each with a name."""

    def __init__(self, data: bytes, symbols: Mapping[int, str]) -> None:
        from elftools.elf.elffile import ELFFile

        self.elf = ELFFile(io.BytesIO(data))
        self.sections = [
            (section["sh_addr"], section.data())
            for section in self.elf.iter_sections()
            if section["sh_flags"] & EXECUTABLE and section["sh_type"] == "SHT_PROGBITS"
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

    def instructions(self, start: int, code: bytes) -> Iterator[Instruction]:
        """The instructions of a function."""
        found: Iterator[Instruction] = self._engine.disasm_lite(code, start)
        return found

    def name(self, start: int) -> str:
        """A function's name, or where it is."""
        return self.names.get(start) or f"the function at {start:#x}"

    def _inside(self, address: int) -> bool:
        return any(first <= address < first + len(code) for first, code in self.sections)


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
