"""What is kept of a bake, how long, and what `pdbuild log` makes of it."""

import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pdbuild import records, report
from pdbuild.cli import main
from pdbuild.errors import Interrupted
from pdbuild.plan.types import Plan
from pdbuild.progress import view
from pdbuild.records import Record, keep
from pdbuild.records.record import records_of
from pdbuild.version import Version

STREAMS = Path(__file__).parent / "progress" / "streams"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of a project that is the working directory, with its state below it."""
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "pdbuild.toml").write_text("not a recipe: its bakes are recorded all the same")
    monkeypatch.chdir(tmp_path)
    return Plan(
        project="x", version=Version("1"), root=str(tmp_path), base="b", platforms=("linux/amd64",),
        stages=(), targets=(), groups={},
    )  # fmt: skip


def baked(plan: Plan, stream: str, *targets: str) -> Record:
    """What is recorded of a bake that said what a recorded one said."""
    with records.begin(plan, "pdbuild.toml", "buildkit") as keeper:
        with view("quiet", io.StringIO(), targets=targets) as shown:
            keeper.solve, shown.watch = shown.solve, keeper.take
            for line in (STREAMS / f"{stream}.jsonl").read_bytes().splitlines(keepends=True):
                shown.feed(line)
        rows = (report.Row(target=targets[0], where="build/x", size=7, seconds=1, cached=False),)
        keeper.made = report.Report(rows=rows)
    found = records.latest(plan.root)
    assert found
    return found


def test_a_failure_has_all_of_its_output_in_a_file(plan: Plan) -> None:
    record = baked(plan, "failing_two", "binaries-cpu", "broken")
    (step,) = [step for step in record.steps if step.state == "failed"]
    assert (step.stage, step.number, step.targets) == ("broken", "2/3", ("broken",))
    assert step.error == "exit code: 3"
    text = Path(step.log).read_text()
    assert text.splitlines()[:2] == ["line 1", "line 2"]
    assert "ninja: error: no rule" in text
    states = {target.target: target.state for target in record.targets}
    assert states == {"binaries-cpu": "done", "broken": "failed"}
    assert (record.targets[0].where, record.targets[0].size) == ("build/x", 7)


def test_it_says_why_a_step_was_executed(plan: Plan) -> None:
    first = baked(plan, "success", "binaries-cpu")
    ran = [step for step in first.steps if step.state == "done"]
    ran = [step for step in ran if not step.instruction.startswith("FROM ")]
    assert ran[0].why == "the first bake that is recorded here"
    why = {f"{step.stage} {step.number}": step.why for step in ran}
    assert why["compile-cpu 1/1"] == "dev 2/2 was executed, which it builds on"
    assert [*why] == ["dev 1/2", "dev 2/2", "compile-cpu 1/1", "binaries-cpu 1/1"]
    again = baked(plan, "cached", "binaries-cpu")
    assert all(step.why == "" for step in again.steps if step.state == "cached")
    other = baked(plan, "failing_two", "binaries-cpu", "broken")
    assert _why(other, "dev 1/2") == "the bake before had no such instruction"
    same = baked(plan, "failing_two", "binaries-cpu", "broken")
    assert _why(same, "dev 1/2") == "what it reads has changed, or the cache did not keep it"


def _why(record: Record, place: str) -> str:
    (why,) = [step.why for step in record.steps if f"{step.stage} {step.number}" == place]
    return why


def test_how_a_bake_ended(plan: Plan) -> None:
    with pytest.raises(Interrupted), records.begin(plan, "r", "buildah"):
        raise Interrupted("interrupted")
    assert _outcome(plan) == "interrupted"
    with pytest.raises(ValueError, match="x"), records.begin(plan, "r", "buildah"):
        raise ValueError("x")
    assert _outcome(plan) == "failed"
    with records.begin(plan, "r", "buildah"):
        assert _outcome(plan) == "running"  # as one that is killed leaves it
    assert _outcome(plan) == "done"


def _outcome(plan: Plan) -> str:
    found = records.latest(plan.root)
    assert found
    return found.outcome


def test_old_ones_go(plan: Plan) -> None:
    folders = [plan_dir(plan, kind) for kind in ("records", "logs")]
    for number in range(60):
        (folders[0] / f"20200101T0000{number:02}.json").write_text("{}")
        (folders[1] / f"20200101T0000{number:02}").mkdir()
        (folders[1] / f"20200101T0000{number:02}" / "001.log").write_text("x")
    old = time.time() - 15 * 86400
    for folder in folders:
        os.utime(next(p for p in folder.iterdir() if "59" in p.name), (old, old))
    keep.prune(time.time())
    for folder in folders:
        left = sorted(path.name.removesuffix(".json") for path in folder.iterdir())
        # 48: one makes room for the bake that begins, and the newest is too old.
        assert left == [f"20200101T0000{number:02}" for number in range(11, 59)]
    keep.prune(time.time() + 15 * 86400)
    assert not any(folder.exists() for folder in folders)


def plan_dir(plan: Plan, kind: str) -> Path:
    folder = records_of(plan.root).parents[1] / kind / "x-0"
    folder.mkdir(parents=True)
    return folder


def test_a_full_disk_does_not_end_a_bake(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keep.Keeper, "_file", full)
    record = baked(plan, "failing_two", "binaries-cpu", "broken")
    assert record.outcome == "done"


def test_log_prints_it(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log"]) == 1
    assert "no bake of" in capsys.readouterr().err
    record = baked(plan, "failing_two", "binaries-cpu", "broken")
    assert main(["log"]) == 0
    out = capsys.readouterr().out
    assert "\nline 1\nline 2\n" in out
    assert "== broken 2/3 RUN for i in" in out
    assert main(["log", "broken"]) == 0
    assert "== binaries-cpu" not in capsys.readouterr().out
    assert main(["log", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == record.id
    assert main(["log", "--list"]) == 0
    assert record.id in capsys.readouterr().out
    assert main(["log", f"--bake={record.id}", "binaries-cpu"]) == 0
    assert "line 1" not in capsys.readouterr().out
    assert main(["log", "nothing"]) == 2
    assert "it had binaries-cpu, broken" in capsys.readouterr().err
    assert main(["log", "--bake=x"]) == 2


def test_what_a_killed_bake_said_is_printed(
    plan: Plan, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = baked(plan, "failing_two", "binaries-cpu", "broken")
    replace(record, outcome="running", steps=(), targets=()).write()
    assert main(["log"]) == 0
    assert "line 1\nline 2\n" in capsys.readouterr().out
