"""Code for GPUs in an ELF file: which architectures, as machine code and as PTX.

NVIDIA documents no format; this much is what `cuobjdump` shows of the same files. A container has
the magic number 0xba55ed50 and how long it is; its parts say whether they are PTX or an ELF file,
how long they are, and for which compute capability.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = 0xBA55ED50
#: The sections that hold code for GPUs, in objects and in what is linked.
SECTIONS = (".nv_fatbin", "__nv_relfatbin")

_PTX, _ELF = 1, 2


@dataclass(frozen=True, slots=True)
class Kernels:
    """The compute capabilities of machine code and of PTX: "80", "90"."""

    code: frozenset[str]
    ptx: frozenset[str]


def kernels(data: bytes) -> Kernels:
    """What of code for GPUs an ELF file has. Raises ValueError when it cannot be read."""
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(data))
    parts = [
        part
        for name in SECTIONS
        if (section := elf.get_section_by_name(name)) is not None
        for part in parse(section.data())
    ]
    return Kernels(
        code=frozenset(arch for kind, arch in parts if kind == _ELF),
        ptx=frozenset(arch for kind, arch in parts if kind == _PTX),
    )


def parse(data: bytes) -> Iterator[tuple[int, str]]:
    """The parts of the containers that lie one behind the other in a section."""
    at = 0
    while at + 16 <= len(data):
        magic, version, header, size = struct.unpack_from("<IHHQ", data, at)
        if magic != MAGIC:
            if data[at : at + 8] != bytes(8):
                raise ValueError(f"no container of code for GPUs at byte {at}")
            at += 8  # filled up to the next
            continue
        if version != 1:
            raise ValueError(f"a container of version {version}")
        yield from _parts(data[at + header : at + header + size])
        at += header + size


def _parts(data: bytes) -> Iterator[tuple[int, str]]:
    at = 0
    while at + 32 <= len(data):
        kind, _, header, size = struct.unpack_from("<HHIQ", data, at)
        (arch,) = struct.unpack_from("<I", data, at + 28)
        if header < 32 or kind not in (_PTX, _ELF):
            raise ValueError(f"a part of kind {kind}")
        yield kind, str(arch)
        at += header + size
