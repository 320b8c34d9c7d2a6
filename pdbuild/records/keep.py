"""Keeps what a bake says while it runs, and writes its record at the end."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pdbuild import dirs
from pdbuild.errors import Interrupted
from pdbuild.plan.types import Plan
from pdbuild.progress.names import brief
from pdbuild.progress.solve import Change, Solve
from pdbuild.progress.steps import FINAL, Step, outcome
from pdbuild.records.record import Outcome, Record, StepRecord, TargetRecord, latest
from pdbuild.report import Report

DAYS = 14
MOST = 50  # bakes of a project that are kept
_SLOW = 1.0


@dataclass(slots=True, eq=False)
class Keeper:
    """The record of a bake that runs. `take` what changes; at the end, `made` says what came."""

    record: Record
    before: Record | None = None
    made: Report | None = None
    solve: Solve | None = None
    _files: dict[Step, TextIO] = field(default_factory=dict)
    _full: bool = False

    def take(self, change: Change) -> None:
        """Keep a line of a step's output."""
        if change.what == "log":
            # A build goes on when its log cannot be written.
            try:
                self._file(change.step).write(f"{change.text}\n")
            except OSError:
                self._full = True
        elif change.step.state in FINAL:
            self._close(change.step)

    def end(self, outcome: Outcome, seconds: float) -> None:
        """Write the record of a bake that has ended so."""
        for step in list(self._files):
            self._close(step)
        done = replace(self.record, outcome=outcome, seconds=round(seconds, 3))
        if self.solve:
            done = replace(
                done,
                targets=tuple(_targets(self.solve, self.made)),
                steps=tuple(_steps(self.solve, self.before)),
            )
        with contextlib.suppress(OSError):
            done.write()

    def _file(self, step: Step) -> TextIO:
        if self._full:
            raise OSError("no more of this bake is kept")
        if step not in self._files:
            if not step.log:
                self.record.logs.mkdir(parents=True, exist_ok=True)
                number = len(list(self.record.logs.iterdir())) + 1
                name = f"{number:03}-{step.name.stage or step.name.target or 'build'}"
                name += f"-{step.name.position}" if step.name.position else ""
                step.log = str(self.record.logs / f"{re.sub('[^A-Za-z0-9_.-]+', '-', name)}.log")
            # By lines: what a killed bake has said is there.
            file = Path(step.log).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115
            self._files[step] = file
        return self._files[step]

    def _close(self, step: Step) -> None:
        if file := self._files.pop(step, None):
            with contextlib.suppress(OSError):
                file.close()


@contextlib.contextmanager
def begin(plan: Plan, recipe: str, engine: str) -> Iterator[Keeper]:
    """Keep the bake that runs meanwhile; older ones go, by age and by number."""
    from importlib.metadata import version

    now = datetime.now(UTC)
    record = Record(
        id=f"{now:%Y%m%dT%H%M%S.%f}"[:19] + f"-{os.getpid()}",
        project=plan.project,
        version=plan.version.text,
        root=plan.root,
        recipe=recipe,
        engine=engine,
        pdbuild=version("pdbuild"),
        started=now.isoformat(timespec="seconds"),
    )
    keeper = Keeper(record=record, before=latest(plan.root))
    prune(time.time())
    with contextlib.suppress(OSError):
        record.write()
    began, result = time.monotonic(), "failed"
    try:
        yield keeper
        result = "done"
    except (KeyboardInterrupt, Interrupted):
        result = "interrupted"
        raise
    finally:
        keeper.end(result, time.monotonic() - began)  # type: ignore[arg-type]


def prune(now: float) -> None:
    """Remove what is older than `DAYS` of any project, and more than `MOST` bakes of one."""
    for kind in ("records", "logs"):
        for folder in (dirs.data_path() / kind).glob("*"):
            with contextlib.suppress(OSError):
                _prune(folder, now)


def _prune(folder: Path, now: float) -> None:
    newest_first = sorted(folder.iterdir(), reverse=True)
    for number, path in enumerate(newest_first, start=1):
        if number >= MOST or now - path.stat().st_mtime > DAYS * 86400:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _targets(solve: Solve, made: Report | None) -> Iterator[TargetRecord]:
    rows = {row.target: row for row in made.rows} if made else {}
    for target in solve.targets:
        tally, row = solve.tally(target), rows.get(target)
        state = "failed" if tally.failed else "stopped"
        if row:
            state = "cached" if row.cached else "done"
        yield TargetRecord(
            target=target,
            state=state,
            seconds=round(solve.seconds(target), 3),
            where=row.where if row else "",
            size=row.size if row else 0,
        )


def _steps(solve: Solve, before: Record | None) -> Iterator[StepRecord]:
    known = {(s.stage, s.instruction) for s in before.steps} if before else None
    begun = solve.begun()
    for step in _ordered(solve):
        if not (step.name.position or step.state == "failed" or step.spent >= _SLOW):
            continue  # loads and exports that took no time
        number = solve.number(step)
        yield StepRecord(
            stage=step.name.stage,
            number=f"{number[0]}/{number[1]}" if number else "",
            instruction=brief(step.name.text),
            targets=step.targets,
            state="cached" if step.state == "waiting" and step in begun else step.state,
            seconds=round(step.spent, 3),
            why=_why(solve, step, known),
            log=step.log,
            error=outcome(step.error),
        )


def _ordered(solve: Solve) -> list[Step]:
    """The steps, each after those that it builds on."""
    found: dict[Step, None] = {}
    met: set[Step] = set()

    def visit(step: Step) -> None:
        if step not in met:
            met.add(step)
            for other in solve.inputs(step):
                visit(other)
            found[step] = None

    for step in solve.steps:
        visit(step)
    return list(found)


def _why(solve: Solve, step: Step, known: set[tuple[str, str]] | None) -> str:
    """Why a step was executed, as far as that can be told: engines do not say it."""
    if step.state in ("waiting", "cached") or not step.name.text.startswith(("RUN ", "COPY ")):
        return ""
    for other in solve.inputs(step):
        number = solve.number(other)
        ran = other.state not in ("waiting", "cached") and not other.name.text.startswith("FROM ")
        if number and ran:
            return f"{other.name.stage} {number[0]}/{number[1]} was executed, which it builds on"
    if known is None:
        return "the first bake that is recorded here"
    if (step.name.stage, brief(step.name.text)) not in known:
        return "the bake before had no such instruction"
    return "what it reads has changed, or the cache did not keep it"
