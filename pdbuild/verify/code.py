"""Which functions of an x86-64 file have instructions of a CPU feature, and who can reach them.

A function is *guarded* when all ways to it lead through a resolver of an indirect function
(STT_GNU_IFUNC, or a relocation IRELATIVE): the loader calls that once, it looks at the CPU and
gives an address. Ways are calls, jumps, addresses that instructions take, and addresses in data.
So the file's entry, what it exports, what its tables point at, and functions to which no way is
known can all be reached; and so can everything that they lead to, but for what a resolver leads to.

What is not known counts as reachable: the criterion may blame a function that nobody calls, and
never clears one that somebody may.
"""

import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pdbuild.recipe.features import EVEX, FEATURES, VEX2, VEX3, Feature
from pdbuild.verify.functions import Code, Symbols
from pdbuild.verify.reach import reachable

# The address of something on the stack goes into a register.
_ON_STACK = re.compile(r"lea r\w+, \[r[sb]p( [+-] (0x[0-9a-f]+|\d+))?\]|mov r\w+, rsp", re.ASCII)
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


def scan(data: bytes, feature: str, names: Symbols = ()) -> tuple[Function, ...]:
    """The functions of the x86-64 file `data` that have instructions of a CPU `feature`.

    `names` are those besides those that the file itself has.
    """
    code = Code(data, dict(names))
    using = dict(_using(code, FEATURES[feature]))
    if not using:
        return ()
    reached = reachable(code)
    return tuple(
        Function(name=code.name(start), example=example, guarded=start not in reached)
        for start, example in sorted(using.items())
    )


def unprotected(data: bytes) -> str:
    """A function whose stack `-fstack-protector-strong` would guard, and that is not; or "".

    That is one which hands the address of something on its stack to another, in a file where
    no function has a guard.
    """
    from elftools.elf.elffile import ELFFile

    if ELFFile(io.BytesIO(data))["e_machine"] != "EM_X86_64":
        return ""
    code = Code(data, {})
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


def _using(code: Code, feature: Feature) -> Iterator[tuple[int, str]]:
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
