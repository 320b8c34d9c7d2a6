"""What was found of images, as a page: `build/verify.html`."""

import html
from collections.abc import Iterator, Sequence

from pdbuild.verify.finding import Finding, Judged, Verdict

_CLASS = {Verdict.HOLDS: "holds", Verdict.FAILS: "fails", Verdict.UNKNOWN: "unknown"}

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --holds: #1a7f37; --fails: #cf222e;
  --unknown: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --holds: #3fb950; --fails: #ff7b72;
  --unknown: #d29922; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .3rem; }
h2 code { font-size: 1em; } p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; margin-top: .6rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-size: .85rem; font-weight: 600; white-space: nowrap; }
table.all { width: auto; } table.all td, table.all th { padding-right: 2rem; }
td.kind { opacity: .7; white-space: nowrap; }
td.verdict { white-space: nowrap; font-weight: 600; } td.evidence { font-size: .9rem; width: 45%; }
.holds { color: var(--holds); } .fails { color: var(--fails); } .unknown { color: var(--unknown); }
details ul { margin: .3rem 0; padding-left: 1.2rem; } code { font-family: ui-monospace, monospace; }
@media (max-width: 40rem) { td.evidence, th:last-child { display: none; } }
"""


def render(project: str, judged: Sequence[Judged]) -> str:
    """The page. It has no time in it: the same findings are the same page."""
    title = html.escape(f"{project}: what is claimed, and what was seen")
    sections = "".join(map(_section, judged))
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{title}</h1>\n{_overview(judged)}{sections}</body>\n</html>\n"
    )


def _section(one: Judged) -> str:
    rows = "".join(_rows(one.findings))
    return (
        f'<h2 id="{_id(one)}"><code>{html.escape(one.reference)}</code></h2>\n'
        f"<p>{html.escape(one.platform)}, {html.escape(one.digest[:19])}: "
        f"{html.escape(one.summary)}.</p>\n<table>\n<thead><tr><th>kind</th><th>claim</th>"
        f"<th>verdict</th><th>what was seen</th></tr></thead>\n<tbody>\n{rows}</tbody></table>\n"
    )


def _rows(findings: Sequence[Finding]) -> Iterator[str]:
    before = ""
    for finding in findings:
        kind = finding.kind if finding.kind != before else ""
        before = finding.kind
        style = _CLASS[finding.verdict]
        yield (
            f'<tr><td class="kind">{html.escape(kind)}</td>'
            f"<td>{html.escape(finding.claim)}</td>"
            f'<td class="verdict {style}">{html.escape(finding.verdict)}</td>'
            f'<td class="evidence">{_evidence(finding)}</td></tr>\n'
        )


def _evidence(finding: Finding) -> str:
    text = html.escape(finding.evidence)
    if len(finding.details) < 2:
        return text
    items = "".join(f"<li><code>{html.escape(line)}</code></li>" for line in finding.details)
    return f"<details><summary>{text}</summary><ul>{items}</ul></details>"


def _overview(judged: Sequence[Judged]) -> str:
    """A sign for each image and kind of claim."""
    kinds = dict.fromkeys(finding.kind for one in judged for finding in one.findings)
    heads = "".join(
        f'<th><a href="#{_id(one)}">{html.escape(one.title)}</a></th>' for one in judged
    )
    rows = "".join(
        f'<tr><td class="kind">{html.escape(kind)}</td>'
        + "".join(f"<td>{_mark(one, kind)}</td>" for one in judged)
        + "</tr>\n"
        for kind in kinds
    )
    return f'<table class="all">\n<tr><th></th>{heads}</tr>\n{rows}</table>\n'


def _mark(one: Judged, kind: str) -> str:
    """The worst verdict of a kind, as a sign."""
    verdicts = {finding.verdict for finding in one.findings if finding.kind == kind}
    for verdict, sign in ((Verdict.FAILS, "✗"), (Verdict.UNKNOWN, "?"), (Verdict.HOLDS, "✓")):
        if verdict in verdicts:
            return f'<span class="{_CLASS[verdict]}" title="{verdict}">{sign}</span>'
    return ""


def _id(one: Judged) -> str:
    return html.escape(f"{one.variant}-{one.platform}".replace("/", "-"))
