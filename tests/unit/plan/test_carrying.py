"""The plans that collect what steps download, and that put it back, of every golden case."""

import os
import subprocess
from pathlib import Path

import pytest
from golden_bits import CASES, containerfile, plan

from pdbuild.carried import Mount
from pdbuild.plan import carrying
from pdbuild.plan.instructions import Bind, Cache, Run, Secret
from pdbuild.plan.steps import TREE
from pdbuild.plan.types import Plan


def downloads(made: Plan) -> list[Run]:
    """The steps of a plan that are given the way to the network."""
    steps = (i for stage in made.stages for i in stage.instructions if isinstance(i, Run))
    return [step for step in steps if Secret(id="network") in step.mounts]


def of_one(name: str) -> str:
    """What a cache mount is called on a machine that builds for itself."""
    return name.replace("$TARGETARCH", "amd64").replace("$BUILDARCH", "amd64")


@pytest.mark.parametrize("case", CASES)
def test_all_that_steps_download_is_collected_and_nothing_compiled(case: str) -> None:
    made = plan(case)
    work = carrying.fetching(made)
    wanted = {step.argv for step in downloads(made)}
    if work is None:
        assert not wanted
        return
    collecting = [s for s in work.plan.stages if s.name.startswith("carry-")]
    steps = [i for s in collecting for i in s.instructions if isinstance(i, Run)]
    assert {step.argv[6:] for step in steps} == wanted
    for stage in work.plan.stages:
        assert not stage.name.startswith(("build-", "compile", "package-", "image-"))
        caches = (m for i in stage.instructions if isinstance(i, Run) for m in i.mounts)
        assert not any(isinstance(m, Cache) and m.target == TREE for m in caches)
    # Every cache mount that such a step looks into is filled from what was collected.
    looked = {m.id for s in downloads(made) for m in s.mounts if isinstance(m, Cache)}
    assert {of_one(name) for name in looked} == {of_one(mount.id) for mount in work.mounts}
    assert len({of_one(mount.id) for mount in work.mounts}) == len(work.mounts)
    assert {number for _, number in work.folders} == {mount.number for mount in work.mounts}
    text = containerfile(case, work.plan)
    assert text.count(" AS carry-") == len(collecting)
    assert "PDBUILD_FETCHED=/fetched" in text


def test_what_an_application_asks_for_is_known_without_its_image() -> None:
    for case in CASES:
        for stage in plan(case).stages:
            if stage.name.startswith("app-additions-"):
                work = carrying.fetching(plan(case))
                assert work
                binds = [
                    mount.stage
                    for made in work.plan.stages
                    if made.comment == f"What {stage.name} downloads."
                    for i in made.instructions
                    if isinstance(i, Run)
                    for mount in i.mounts
                    if isinstance(mount, Bind) and mount.target == "/run/depends"
                ]
                assert binds == ["app-depends"]
                return
    pytest.fail("no golden case has an application")


def test_mounts_are_filled_with_what_was_carried(tmp_path: Path) -> None:
    """The step's own script: packages are added, lists are those that were carried alone."""
    mounts = (
        Mount(number=0, id="pdbuild-apt", target="/run/apt/cache"),
        Mount(number=1, id="pdbuild-apt-lists", target="/run/apt/state"),
    )
    made = carrying.filling(plan(CASES[0]), mounts)
    (fill,) = (stage for stage in made.stages if stage.name == "carry-fill")
    (step,) = (i for i in fill.instructions if isinstance(i, Run))
    assert [m.id for m in step.mounts if isinstance(m, Cache)] == [
        "pdbuild-apt",
        "pdbuild-apt-lists",
    ]
    files = {
        "brought/0/archives/new.deb": "new", "brought/0/archives/both.deb": "carried",
        "brought/1/lists/Packages": "carried",
        "caches/0/archives/old.deb": "old", "caches/0/archives/both.deb": "here",
        "caches/1/lists/Packages": "here", "caches/1/lists/Other": "here",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    words = list(step.argv)
    places = {"run/carried": "brought", "run/caches": "caches", "filled": "filled"}
    for place, here in places.items():
        words = [word.replace(f"/{place}", f"{tmp_path}/{here}") for word in words]
    subprocess.run(words, check=True)
    caches = tmp_path / "caches"
    found = {
        os.fspath(p.relative_to(caches)): p.read_text() for p in caches.rglob("*") if p.is_file()
    }
    assert found == {
        "0/archives/new.deb": "new", "0/archives/both.deb": "here", "0/archives/old.deb": "old",
        "1/lists/Packages": "carried",
    }  # fmt: skip
