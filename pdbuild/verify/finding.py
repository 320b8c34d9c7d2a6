"""What a check finds: one sentence that is claimed, what was seen, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import shorten

from pdbuild.errors import PdbuildError
from pdbuild.platforms import native

#: The page of what was found.
PAGE = "build/verify.html"

_EVIDENCE = 80  # letters of what a program said


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The image of a platform, and what was found of it; `seconds` is how long that took, 0 when
    remembered. `target` is the plan's, "" for an image that was named.
    """

    reference: str
    variant: str
    platform: str
    digest: str
    findings: tuple[Finding, ...]
    target: str = ""
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The reference, which images of several platforms share: with another one's name."""
        return self.reference + ("" if self._is_native else f" ({self.platform})")

    @property
    def title(self) -> str:
        """The variant in the same way; the name, if there is none."""
        platform = "" if self._is_native else f" ({self.platform})"
        return f"{self.variant}{platform}" if self.variant else self.name

    @property
    def _is_native(self) -> bool:
        return self.platform == native().name

    def those(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with that verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    @property
    def summary(self) -> str:
        """How many claims hold, in words."""
        count = len(self.findings)
        fails, unknown = len(self.those(Verdict.FAILS)), len(self.those(Verdict.UNKNOWN))
        words = f"{count - fails - unknown} of {count} claims hold"
        words += f", {fails} {'does' if fails == 1 else 'do'} not" if fails else ""
        return words + (f", {unknown} not checked" if unknown else "")


class ClaimsError(PdbuildError):
    """Claims do not hold. The message has each of them, `judged` all that was found."""

    judged: tuple[Judged, ...] = ()


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


def first_words(said: str) -> str:
    """What a program said, as evidence: its first words."""
    return shorten(said, _EVIDENCE, placeholder=" …")


def last_words(said: str) -> str:
    """The same: its last words."""
    if len(said) <= _EVIDENCE:
        return said
    return f"… {said[-_EVIDENCE:].partition(' ')[2]}"


def unknown(kind: str, claim: str, reason: str) -> Finding:
    """A claim that cannot be checked here, and why."""
    return Finding(kind=kind, claim=claim, evidence=reason, verdict=Verdict.UNKNOWN)
