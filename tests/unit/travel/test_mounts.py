"""Cache mounts as files: which of them travel, and the commands of the steps that move them."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild import shipped
from pdbuild.plan.instructions import Cache, Run
from pdbuild.plan.types import Plan, Request
from pdbuild.recipe.load import load
from pdbuild.resolve import resolve
from pdbuild.travel import mounts
from pdbuild.travel.archive import Mount
from pdbuild.version import Version


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "pdbuild.toml").write_text(
        '[project]\nname = "squares"\n[toolchain]\nblocks = ["gcc", "cmake", "ccache"]\n'
    )
    recipe = load(tmp_path / "pdbuild.toml", blocks_dir=shipped.toolchain_dir())
    return resolve(recipe, Request(version=Version("1.0")))


def test_all_but_trees_travel(plan: Plan) -> None:
    found = mounts.found(plan, (mounts.OBJECTS, mounts.DOWNLOADS))
    assert {(mount.id.partition("-trixie")[0], mount.target) for mount in found} == {
        ("squares-ccache", "/var/cache/ccache"),
        ("pdbuild-apt", "/run/apt/cache"),
        ("pdbuild-apt-lists", "/run/apt/state"),
    }
    assert len({mount.name for mount in found}) == len(found)
    (objects,) = mounts.found(plan, (mounts.OBJECTS,))
    assert objects.target == "/var/cache/ccache" and objects.name == "0.tar"
    assert mounts.found(plan, ("layers",)) == ()


def run(plan: Plan) -> tuple[Run, tuple[str, ...]]:
    """The step of a plan of ours, and the places of its caches."""
    (step,) = [
        step
        for stage in plan.stages
        if stage.name.startswith("travel")
        for step in stage.instructions
        if isinstance(step, Run)
    ]
    return step, tuple(mount.target for mount in step.mounts if isinstance(mount, Cache))


def moved(step: Run, places: tuple[str, ...], folder: Path, caches: list[Path]) -> None:
    """Run the step's command as it stands, with other folders in the place of its mounts."""
    script = step.argv[4].replace("/caches", str(folder)).replace("/run/travelling", str(folder))
    words = [*step.argv[:4], script, *step.argv[5:]]
    here = dict(zip(places, map(os.fspath, caches), strict=True))
    subprocess.run([here.get(word, word) for word in words], check=True)


def test_what_is_packed_is_unpacked_and_what_is_there_stays(plan: Plan, tmp_path: Path) -> None:
    kept = tuple(Mount(name=f"{n}.tar", id=f"id-{n}", target=f"/c/{n}") for n in range(2))
    caches = [tmp_path / "one", tmp_path / "two"]
    for name, text in {
        "one/a/object": "1", "one/tmp/x": "", "one/a/b.lock": "", "two/lists/partial/x": "",
        "two/lists/list": "l", "two/lists/lock": "",
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.utime(tmp_path / "one/a/object", ns=(5, 1_600_000_000_123_456_789))
    packing = mounts.packing(plan, kept)
    assert [target.name for target in packing.targets] == ["travel"]
    step, places = run(packing)
    for name in ("first", "again"):
        moved(step, places, tmp_path / name, caches)
    for file in ("0.tar", "1.tar"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()

    new = [tmp_path / "new-one", tmp_path / "new-two"]
    (new[0] / "a").mkdir(parents=True)
    new[1].mkdir()
    (new[0] / "a/mine").write_text("m")
    step, places = run(mounts.unpacking(plan, kept))
    moved(step, places, tmp_path / "first", new)
    (new[0] / "a/object").write_text("newer")
    moved(step, places, tmp_path / "first", new)
    here = {str(p.relative_to(tmp_path)) for f in new for p in f.rglob("*") if p.is_file()}
    assert here == {"new-one/a/mine", "new-one/a/object", "new-two/lists/list"}
    assert (new[0] / "a/object").read_text() == "newer"
