"""Features of x86-64 CPUs, by which of their instructions they can be told."""

import re
from dataclasses import dataclass

#: The first bytes of instructions with the prefixes VEX (two and three bytes) and EVEX.
VEX2, VEX3, EVEX = 0xC5, 0xC4, 0x62

_SCALAR = re.compile(
    "andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature, as /proc/cpuinfo calls it. Of instructions with one of the prefixes those are of
    it that `instructions` names, or that are in the disassembler's `group`. Without either, all
    are that need the wide registers.
    """

    name: str
    instructions: "re.Pattern[str] | None" = None
    group: str = ""
    prefixes: frozenset[int] = frozenset((VEX2, VEX3, EVEX))

    def has(self, mnemonic: str, prefix: int) -> bool:
        """Whether an instruction with this prefix is of the feature, its group aside."""
        if prefix not in self.prefixes:
            return False
        if self.instructions:
            return bool(self.instructions.fullmatch(mnemonic))
        return not _SCALAR.fullmatch(mnemonic)


_ALL = (
    Feature(name="avx"),
    Feature(name="avx2", group="avx2"),
    Feature(name="avx512f", prefixes=frozenset((EVEX,))),
    Feature(name="bmi1", instructions=re.compile("andn|bextr|blsi|blsmsk|blsr")),
    Feature(name="bmi2", instructions=re.compile("bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx")),
    Feature(name="f16c", instructions=re.compile("vcvtph2ps|vcvtps2ph")),
    Feature(name="fma", instructions=re.compile("vfn?m.*")),
)

#: Those that a recipe can name.
FEATURES = {feature.name: feature for feature in _ALL}
