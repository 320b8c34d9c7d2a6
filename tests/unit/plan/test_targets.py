"""A kind of target is one module and a line in the table: a toy kind is planned, rendered,
collected and described by nothing else."""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from golden_bits import REQUEST, bake, containerfile, recipe

from pdbuild import artifacts, report
from pdbuild.engine.contract import Built
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Bind, Copy, Run, Stage
from pdbuild.plan.types import Request, Target
from pdbuild.progress import Solve
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve
from pdbuild.targets import KINDS, Kind

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_artifacts import output, tree


class Sizes(Kind):
    """How large a variant's files are, in `build/VARIANT.sizes`."""

    name = "sizes"
    group = "all-sizes"

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        for variant in variants:
            yield Target(
                name=f"sizes-{variant}",
                stage=f"sizes-{variant}",
                kind=self.name,
                description=f"sizes of {variant}",
                variant=variant,
                destination="build/sizes",
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        for variant in variants:
            bind = Bind(stage=f"build-{variant}", source="/out", target="/out")
            measure = Run(argv=("sh", "-c", "du /out >/sizes"), mounts=(bind,))
            yield Stage(
                name=f"measured-{variant}", base="toolchain", comment="", instructions=(measure,)
            )
            copy = Copy(stage=f"measured-{variant}", source="/sizes", target=f"/{variant}")
            yield Stage(name=f"sizes-{variant}", base="scratch", comment="", instructions=(copy,))

    def where(self, target: Target, files: Sequence[str]) -> str:
        return f"{len(files)} size"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "sizes", Sizes())


@pytest.mark.usefixtures("toy")
def test_a_new_kind_needs_nothing_but_its_module_and_the_table(tmp_path: Path) -> None:
    request = dataclasses.replace(REQUEST, targets=("all-sizes",), variants=("cpu", "gpu"))
    plan = resolve(recipe("paddle"), request)
    assert [target.name for target in plan.targets] == ["sizes-cpu", "sizes-gpu"]
    assert plan.groups == {"all-sizes": ("sizes-cpu", "sizes-gpu")}
    everything = resolve(recipe("paddle"), REQUEST)
    assert {"sizes-noavx", "image-cpu"} <= {target.name for target in everything.targets}

    text = containerfile("paddle", plan)
    assert "FROM toolchain AS measured-gpu" in text and "AS package-" not in text
    baked = json.loads(bake(plan))["target"]["sizes-cpu"]
    assert baked["output"] == ["type=local,dest=/project/build/sizes"]

    made = [output(tmp_path / t.name, t, {t.variant: "4 /out"}) for t in plan.targets]
    (tmp_path / "root").mkdir()
    files = artifacts.collect(tmp_path / "root", made)
    assert tree(tmp_path / "root/build") == {"sizes/cpu": "4 /out", "sizes/gpu": "4 /out"}
    assert {artifact.kind for artifact in files} == {"sizes"}
    told = report.make(plan, Built(outputs=tuple(made)), files, (), Solve(targets=[]))
    assert [row.where for row in told.rows] == ["1 size", "1 size"]


def test_dev_is_what_plain_tools_build_when_nobody_names_a_stage() -> None:
    assert list(KINDS)[-1] == "dev"
    for case in ("paddle", "smallest"):
        assert resolve(recipe(case), REQUEST).stages[-1].name == "dev"
