"""The toolchain's stages: what is beside what, and that nothing leaves the build unchecked."""

import dataclasses

import pytest
from golden_bits import CASES, REQUEST, plan, recipe

from pdbuild.plan.instructions import Copy, Run, Stage
from pdbuild.plan.types import Plan
from pdbuild.recipe.tables.image import Image
from pdbuild.recipe.types import Block, Recipe, Source
from pdbuild.resolve import resolve

TOOL = Block(
    name="tool",
    description="a tool",
    install="install/tool",
    check="check/tool",
    source=Source(git="https://x", commit="1" * 40, apt=("libtool-dev",)),
)


def with_blocks(*blocks: Block) -> Recipe:
    given = recipe("smallest")
    return dataclasses.replace(given, blocks=blocks)


def stages(made: Plan) -> dict[str, Stage]:
    return {stage.name: stage for stage in made.stages}


def below(made: Plan, name: str) -> set[str]:
    """The stages that a stage is built from."""
    by_name = stages(made)
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for needed in by_name[waiting.pop()].needs:
            if needed in by_name and needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


@pytest.mark.parametrize("case", CASES)
def test_compiling_waits_for_no_check_and_whatever_leaves_the_build_for_all(case: str) -> None:
    made = plan(case)
    checks = {f"check-{block.name}" for block in recipe(case).at_hand}
    for name in stages(made):
        if name in ("toolchain", "compile") or name.startswith("build-"):
            assert not {"checked", *checks} & below(made, name), name
    for target in made.targets:
        if "toolchain" in made.stages_of(target):
            assert checks <= made.stages_of(target), target.name


def test_wheels_come_beside_the_packages() -> None:
    made = plan("paddle", "binaries-cpu")
    assert "toolchain-packages" not in below(made, "block-nvcc")
    assert "block-nvcc" not in below(made, "toolchain-packages")
    assert {"block-nvcc", "toolchain-packages"} <= below(made, "toolchain")
    (pip,) = (i for i in stages(made)["block-nvcc"].instructions if "pip-install" in repr(i))
    assert isinstance(pip, Run) and "--only-binary=:all:" in pip.argv


def test_a_block_from_a_source_is_a_stage_of_its_own_that_is_copied_in() -> None:
    other = dataclasses.replace(TOOL, name="other", requires=("tool",), source=TOOL.source)
    made = resolve(with_blocks(TOOL, other), REQUEST)
    copies = [i for i in stages(made)["toolchain"].instructions if isinstance(i, Copy)]
    assert [(c.stage, c.source, c.target) for c in copies] == [
        ("block-tool", "/opt/tool/", "/opt/tool/"),
        ("block-other", "/opt/other/", "/opt/other/"),
    ]
    # It has what it requires, and the packages that only it takes.
    assert "block-tool" in below(made, "block-other")
    assert "libtool-dev" in repr(stages(made)["block-tool"])
    assert "libtool-dev" not in repr(stages(made)["toolchain-packages"])
    assert {block.name for block in made.sources} == {"tool", "other"}


def test_an_optional_block_is_only_where_people_work() -> None:
    made = resolve(with_blocks(dataclasses.replace(TOOL, optional=True)), REQUEST)
    assert not [name for name in below(made, "build-default") if "tool" in name.split("-")[1:]]
    assert {"workshop", "check-tool", "block-tool"} <= below(made, "dev")
    steps = [i for n in ("block-tool", "check-tool") for i in stages(made)[n].instructions]
    hooks = [step for step in steps if isinstance(step, Run)]
    # Packages, compiling and check: none of them can fail the build.
    assert [run.argv[1] for run in hooks] == ["/run/hooks/attempt"] * 3


def test_a_toolchain_of_packages_alone_is_one_stage() -> None:
    made = resolve(with_blocks(dataclasses.replace(TOOL, source=None, apt=("gcc",))), REQUEST)
    assert "toolchain-packages" not in stages(made)
    assert stages(made)["toolchain"].base == "base"


def test_leaving_a_block_out_changes_nothing_that_compiles() -> None:
    tool = dataclasses.replace(TOOL, optional=True, apt=("zip",))
    whole = with_blocks(tool)
    lacking = dataclasses.replace(whole, left_out={"tool": "no luck"})
    before, after = (stages(resolve(given, REQUEST)) for given in (whole, lacking))
    same = [name for name in after if name != "dev"]
    assert {"toolchain", "toolchain-packages", "compile"} < set(same)
    assert [after[name] for name in same] == [before[name] for name in same]


def test_pip_is_a_stage_beside_compiling_that_all_images_share() -> None:
    made = plan("paddle", "images")
    (pip,) = (stage for stage in made.stages if stage.name == "pip")
    assert pip.base == "toolchain-python" and "toolchain-packages" not in below(made, "pip")
    assert "pip" in below(made, "runtime") and "compile" not in below(made, "runtime")
    # Where no block has wheels, too; and what has nothing of an image does not wait for it.
    given = recipe("smallest")
    image = Image(packages=("python3",), pip=True)
    made = resolve(dataclasses.replace(given, image=image), REQUEST)
    assert "toolchain-python" in below(made, "pip")
    assert stages(made)["toolchain"].base == "base"
    assert "pip" not in stages(resolve(dataclasses.replace(given, image=Image()), REQUEST))
