"""`pdbuild log`: what the steps of a bake said, and its record."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.errors import PdbuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pdbuild.records import Record, StepRecord


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Print all that the steps of the last bake wrote, of these targets alone when any are "
        "named. Of each project the last 50 bakes of 14 days are kept."
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="only the steps of this target")
    options.add_recipe(parser)
    add("--bake", default="", metavar="ID", help="that bake, not the last one; see --list")
    add("--list", action="store_true", help="list the bakes that are kept")
    add("--json", action="store_true", help="print the record: targets, steps, times, sizes")


def run(arguments: Namespace) -> int:
    """Print a log, a record, or a list."""
    from pdbuild import records
    from pdbuild.records.record import as_json

    root = _root(arguments.recipe)
    if arguments.list:
        print(as_table(records.find(root)))
        return 0
    record = _chosen(root, arguments.bake)
    if arguments.json:
        print(as_json(record))
        return 0
    known = {target.target for target in record.targets} | {
        target for step in record.steps for target in step.targets
    }
    for name in arguments.target:
        if name not in known:
            raise UsageError(
                f"the bake {record.id} had no target {name!r}",
                hint=f"it had {', '.join(sorted(known)) or 'none'}",
            )
    for text in as_log(record, arguments.target):
        sys.stdout.write(text)
    return 0


def as_table(found: tuple[Record, ...]) -> str:
    """One line for each bake, the newest first."""
    from datetime import datetime

    from pdbuild import table

    rows = [("BAKE", "STARTED", "TIME", "OUTCOME", "TARGETS")]
    for record in found:
        started = datetime.fromisoformat(record.started).astimezone()
        names = ", ".join(target.target for target in record.targets[:4])
        rest = f" and {len(record.targets) - 4} more" if len(record.targets) > 4 else ""
        time = f"{record.seconds:.1f} s"
        rows.append((record.id, f"{started:%Y-%m-%d %H:%M}", time, record.outcome, names + rest))
    return table.lines(rows, right=frozenset({2}))


def as_log(record: Record, targets: list[str]) -> Iterator[str]:
    """The output of the steps, each under a line that names it."""
    steps = [s for s in record.steps if not targets or set(targets) & set(s.targets)]
    if record.outcome == "running":
        # It runs, or it was killed: nobody wrote down which steps it had.
        for path in sorted(record.logs.glob("*.log")):
            yield f"== {path.stem}\n{path.read_text(errors='replace')}"
        return
    for step in steps:
        yield _heading(step)
        if step.log:
            try:
                yield Path(step.log).read_text(errors="replace")
            except OSError as error:
                yield f"{step.log}: {error.strerror}\n"


def _heading(step: StepRecord) -> str:
    place = " ".join(filter(None, (step.stage, step.number)))
    took = step.state if step.state in ("cached", "waiting") else f"{step.state}, {step.seconds} s"
    why = f"; {step.why}" if step.why else ""
    return f"== {place} {step.instruction}: {took}{why}\n".replace("==  ", "== ")


def _chosen(root: str, wanted: str) -> Record:
    from pdbuild import records

    if not wanted:
        if (newest := records.latest(root)) is None:
            raise PdbuildError(f"no bake of {root} is recorded", hint="pdbuild bake")
        return newest
    found = [record for record in records.find(root) if record.id == wanted]
    if not found:
        raise UsageError(f"no bake {wanted!r} is recorded", hint="pdbuild log --list")
    return found[0]


def _root(chosen: str | None) -> str:
    """The project's root; its recipe need not be right."""
    from pdbuild.recipe import load

    folder = load.find(Path.cwd(), chosen).absolute().parent
    return (folder.parent if folder.name == "recipes" else folder).as_posix()
