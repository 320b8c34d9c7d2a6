"""What was found of images, as a table for people and as data for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from pdbuild.table import lines
from pdbuild.verify.finding import ClaimsError, Judged, Verdict

_WIDEST = 96
_MOST = 20


def as_table(judged: Sequence[Judged]) -> str:
    """Each image with its claims, what was seen, and the verdict."""
    parts = []
    for one in judged:
        rows = [("CLAIM", "", "VERDICT", "EVIDENCE")]
        for finding in one.findings:
            rows.append((finding.kind, finding.claim, finding.verdict, _short(finding.evidence)))
        parts.append(f"{one.reference} ({one.platform}): {one.summary}\n\n{lines(rows)}")
    return "\n\n".join(parts)


def as_json(judged: Sequence[Judged]) -> str:
    """The same for programs."""
    return json.dumps([asdict(one) for one in judged], indent=1)


def refuse(judged: Sequence[Judged], *, strict: bool = False) -> None:
    """Raise ClaimsError when a claim does not hold; with `strict`, also when one is not checked."""
    texts = []
    for one in judged:
        wrong = [*one.those(Verdict.FAILS), *(one.those(Verdict.UNKNOWN) if strict else ())]
        for finding in wrong:
            told = finding.details or (finding.evidence,)
            texts.append(f"error: {one.name}: {finding.kind}: {finding.claim}: not so")
            texts += [f"  {line}" for line in told[:_MOST]]
            if len(told) > _MOST:
                texts.append(f"  and {len(told) - _MOST} more: pdbuild verify --json has them all")
    if texts:
        error = ClaimsError("\n".join(texts))
        error.judged = tuple(judged)
        raise error


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
