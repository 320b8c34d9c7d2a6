"""What a check finds: one sentence that is claimed, what was seen, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a claim holds. `UNKNOWN` is no reproach: this host cannot tell."""

    HOLDS = "holds"
    FAILS = "FAILS"
    UNKNOWN = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One claim of a kind, such as "closure". `details` are all the places where it fails."""

    kind: str
    claim: str
    evidence: str
    verdict: Verdict
    details: tuple[str, ...] = ()


def found(kind: str, claim: str, wrong: Sequence[str], evidence: str) -> Finding:
    """A claim that holds, by this evidence, unless something is `wrong`."""
    if not wrong:
        return Finding(kind=kind, claim=claim, evidence=evidence, verdict=Verdict.HOLDS)
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Finding(
        kind=kind,
        claim=claim,
        evidence=f"{wrong[0]}{more}",
        verdict=Verdict.FAILS,
        details=tuple(wrong),
    )


def unknown(kind: str, claim: str, reason: str) -> Finding:
    """A claim that cannot be checked here, and why."""
    return Finding(kind=kind, claim=claim, evidence=reason, verdict=Verdict.UNKNOWN)
