"""What a bake made, as a table for people and as data for programs."""

import json
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pdbuild.artifacts import Artifact
from pdbuild.engine.contract import Built
from pdbuild.plan.types import GENERATOR, Form, Plan, Target
from pdbuild.progress import Solve
from pdbuild.store import StoredImage
from pdbuild.table import lines, size
from pdbuild.targets import KINDS
from pdbuild.verify.finding import PAGE, Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One target: where its output is, the `size` in bytes of what `where` names, `seconds` of
    work (0: all cached).

    `generator` is the block that made pages of the source.
    """

    target: str
    where: str
    size: int
    seconds: float
    cached: bool
    generator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All targets of a bake, in the plan's order.

    `left_out` are the optional blocks that the dev image lacks, with the reason; `notes` say
    what else is not made, or emulated, or amiss in the recipe; `judged` is what was found of
    claims; `next` is a command to try, or empty.
    """

    rows: tuple[Row, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    next: str = ""

    def below(self, root: Path) -> "Report":
        """The same with the paths of files as they are for who is elsewhere."""
        rows = [
            replace(row, where=str(root / row.where)) if row.where.startswith("build/") else row
            for row in self.rows
        ]
        return replace(self, rows=tuple(rows))


def make(
    plan: Plan,
    built: Built,
    files: Sequence[Artifact],
    images: Sequence[StoredImage],
    solve: Solve,
    unchanged: Container[str] = (),
) -> Report:
    """The report of a bake that is over; the targets `unchanged` were up to date."""
    rows = [
        Row(
            target=output.target.name,
            where=_where(output.target, files),
            size=_size(output.target, files, images),
            seconds=solve.seconds(output.target.name),
            cached=output.target.name in unchanged or solve.all_cached(output.target.name),
            generator=output.target.labels.get(GENERATOR, ""),
        )
        for output in built.outputs
    ]
    return Report(rows=tuple(rows), left_out=plan.left_out, notes=(*plan.notes, *solve.notes))


def joined(plan: Plan, first: Report, second: Report) -> Report:
    """The report of two bakes that together made the plan."""
    made = {row.target: row for row in (*first.rows, *second.rows)}
    order = (*plan.targets, *plan.claims)
    rows = tuple(made[target.name] for target in order if target.name in made)
    left_out = first.left_out | second.left_out
    notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
    return replace(
        second, rows=rows, left_out=left_out, notes=notes, judged=first.judged + second.judged
    )


def with_claims(report: Report, judged: Sequence[Judged], page: Path) -> Report:
    """The report with what was found of claims, which `page` shows; a row for each image."""
    rows = [
        Row(
            target=one.target,
            where=f"{PAGE}: {one.summary}",
            size=page.stat().st_size,
            seconds=one.seconds,
            cached=not one.seconds,
        )
        for one in judged
    ]
    return replace(report, rows=(*report.rows, *rows), judged=tuple(judged))


def show(report: Report, *, json: bool, quiet: bool, progress: str) -> None:
    """Print it as a command was asked to: as JSON, the places alone, nothing, or the table."""
    if json:
        print(as_json(report))
    elif quiet:
        print("\n".join(row.where for row in report.rows))
    elif progress != "json":
        print(as_table(report))


def as_table(report: Report) -> str:
    """The report as lines of text."""
    rows = [("TARGET", "WHERE", "SIZE", "TIME")]
    rows += [(r.target, _made(r), size(r.size), _time(r)) for r in report.rows]
    text = lines(rows, right=frozenset({2, 3}))
    for name, reason in report.left_out.items():
        text += f"\n\nLEFT OUT of the toolchain: {name}: {reason}"
    if report.notes:
        text += "\n\n" + "\n".join(f"note: {note}" for note in report.notes)
    return f"{text}\n\nnext: {report.next}" if report.next else text


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(asdict(report), indent=1)


def _where(target: Target, files: Sequence[Artifact]) -> str:
    mine = [artifact.path for artifact in files if artifact.target == target.name]
    return KINDS[target.kind].where(target, mine)


def _made(row: Row) -> str:
    return f"{row.where} by {row.generator}" if row.generator else row.where


def _size(target: Target, files: Sequence[Artifact], images: Sequence[StoredImage]) -> int:
    if target.form is Form.IMAGE:
        return sum(
            image.unpacked or image.size
            for image in images
            if image.reference in target.tags and target.platform in ("", image.platform)
        )
    sizes = {a.path: a.size for a in files if a.target == target.name and not a.link}
    return sum(sizes[path] for path in KINDS[target.kind].named(tuple(sizes)))


def _time(row: Row) -> str:
    return "cached" if row.cached else f"{row.seconds:.1f} s"
