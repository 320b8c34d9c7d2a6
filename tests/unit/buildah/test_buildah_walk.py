"""What is stopped after a failure: what runs for nothing that is delivered."""

from types import SimpleNamespace
from typing import cast

import pytest

from pdbuild.engine.buildah import graph
from pdbuild.engine.buildah.programs import Running, Task, Work
from pdbuild.engine.buildah.walk import Walk
from pdbuild.plan.instructions import Copy, Run, Stage
from pdbuild.plan.types import Form, Plan, Target

BASE = "debian:trixie-slim"


def stage(name: str, *instructions: Run | Copy, base: str = BASE) -> Stage:
    return Stage(name=name, base=base, comment="", instructions=instructions)


RUN = Run(argv=("bash", "x"))
STAGES = (
    stage("tools", RUN),
    stage("compile", RUN, base="tools"),
    stage("binaries", Copy(stage="compile", source="/out", target="/"), base="scratch"),
    stage("package", RUN, base="compile"),
    stage("pages", RUN, base="tools"),
    stage("image", RUN),
)
NAMES = ("binaries", "package", "pages", "image")
PLAN = Plan(
    project="p", version="1", root="/p", base=BASE, platforms=("linux/amd64",), stages=STAGES,
    groups={},
    targets=tuple(
        Target(name=n, stage=n, kind="image", form=Form.IMAGE, description="") for n in NAMES
    ),
)  # fmt: skip
GRAPH = graph.make(PLAN, {BASE: "oci-layout:///b@sha256:1"})


def useless(running: str, built: str = "") -> set[str]:
    programs = [
        Running(Work(task=Task(name), said=cast("object", name)), None)  # type: ignore[arg-type]
        for name in running.split()
    ]
    walk = SimpleNamespace(
        _programs=programs,
        _graph=GRAPH,
        _inputs=SimpleNamespace(built=dict.fromkeys(built.split())),
    )
    return {program.work.task.node for program in Walk._useless(cast(Walk, walk))}


@pytest.mark.parametrize(
    ("running", "built", "stopped"),
    [
        # Its binaries need nothing more; the package would need a program of its own.
        ("compile", "tools", set()),
        ("compile pages", "tools", set()),
        ("package", "tools compile", set()),
        # Everything that is asked for needs a program that was not begun.
        ("tools", "", {"tools"}),
        ("tools image", "", {"tools"}),
        ("binaries", "tools compile", set()),
        ("", "tools", set()),
    ],
)
def test_what_runs_for_nothing(running: str, built: str, stopped: set[str]) -> None:
    assert useless(running, built) == stopped
