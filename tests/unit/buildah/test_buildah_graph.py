"""What a node is for: the platform of its image."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pdbuild.engine import emulators
from pdbuild.engine.buildah import graph
from pdbuild.engine.buildah.command import Commands
from pdbuild.engine.buildah.images import Images
from pdbuild.engine.buildah.inputs import Inputs
from pdbuild.engine.buildah.text import Isolation
from pdbuild.engine.contract import Build
from pdbuild.plan.instructions import Copy, Run, Stage
from pdbuild.plan.types import Form, Plan, Target, base_of
from pdbuild.version import Version

BASE = "debian:trixie-slim"
ARM = "linux/arm64"
RUN = Run(argv=("bash", "x"))


def stage(name: str, *instructions: Run | Copy, base: str, platform: str = "") -> Stage:
    return Stage(name=name, base=base, comment="", instructions=instructions, platform=platform)


def target(stage: str, platform: str, *, emulated: bool = False) -> Target:
    return Target(
        name=f"{stage} of {platform}", stage=stage, kind="image", form=Form.IMAGE,
        description="", platform=platform, emulated=emulated,
    )  # fmt: skip


CROSSED = Plan(
    project="p", version=Version("1"), root="/p", base=BASE, platforms=("linux/amd64", ARM),
    groups={},
    stages=(
        stage("base", base=BASE, platform="$BUILDPLATFORM"),
        stage("compile", RUN, base="base"),
        stage("root", Copy(stage="compile", source="/o", target="/"), base="scratch"),
        stage("image", base="root"),
    ),
    targets=(target("compile", "linux/amd64"), target("image", ARM)),
)  # fmt: skip
EMULATED = replace(
    CROSSED,
    stages=(stage("base", base=BASE), stage("compile", RUN, base="base")),
    targets=(target("compile", "linux/amd64"), target("compile", ARM, emulated=True)),
)
CONTEXTS = {BASE: "oci-layout:///amd@sha256:1", base_of(BASE, ARM): "oci-layout:///arm@sha256:2"}


def test_what_compiles_is_this_machines_and_what_is_put_together_the_targets() -> None:
    made = graph.make(CROSSED, CONTEXTS)
    platforms = {node.id: node.platform for node in made.nodes}
    assert platforms == {"base": "", "compile": "", "root": ARM, "image": ARM}


def test_what_writes_no_file_has_a_time_that_is_always_the_same() -> None:
    """So others find what was made on it; a target's own time is its own."""
    own = replace(target("image", ARM), labels={"a": "b"})
    made = graph.make(replace(CROSSED, targets=(own, target("compile", ""))), CONTEXTS)
    times = {node.id: node.timestamp for node in made.nodes}
    assert times == {"base": "0", "compile": "", "root": "", "image": ""}
    dated = replace(own, args={graph.EPOCH: "17"})
    made = graph.make(replace(CROSSED, targets=(dated,)), CONTEXTS)
    assert made.node("image").timestamp == "17" and made.node("base").timestamp == "0"


def test_what_is_emulated_has_nodes_and_a_base_of_its_own() -> None:
    made = graph.make(EMULATED, CONTEXTS)
    found = [(n.stage.name, n.platform, *n.images.values()) for n in made.nodes]
    assert found == [
        ("base", "", CONTEXTS[BASE]),
        ("compile", ""),
        ("base", ARM, CONTEXTS[base_of(BASE, ARM)]),
        ("compile", ARM),
    ]
    ours, theirs = (made.node(made.targets[t.name]) for t in EMULATED.targets)
    assert ours.needs["base"] != theirs.needs["base"]


@pytest.mark.parametrize(
    ("plan", "known"), [(CROSSED, True), (replace(CROSSED, targets=CROSSED.targets[:1]), False)]
)
def test_steps_know_emulators_where_the_bake_has_another_platform(
    plan: Plan, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def words(run: Path) -> list[str]:
        asked.append(run)
        return ["sh", "emulators"]

    monkeypatch.setattr(emulators, "words", words)
    commands = Commands(
        cast(Build, SimpleNamespace(plan=plan)),
        cast(Images, SimpleNamespace(run=Path("/run"))),
        cast(Inputs, None),
        Isolation(),
    )
    nodes = {node.id: node for node in graph.make(plan, CONTEXTS).nodes}
    expected = ["sh", "emulators"] if known else []
    assert commands._emulators(nodes["compile"]) == expected
    assert commands._emulators(nodes["compile"]) == expected
    assert commands._emulators(nodes["base"]) == []  # it runs nothing
    # The file is written once: another step may be reading it.
    assert asked == [Path("/run")] * known
