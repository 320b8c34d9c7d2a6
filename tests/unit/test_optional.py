"""Optional blocks that fail: what is remembered, what is built again without them, and when."""

import dataclasses
from pathlib import Path

import pytest
from test_artifacts import Files, output

from pdbuild import attempts, optional, project
from pdbuild.choices import Options
from pdbuild.engine.contract import Built
from pdbuild.errors import EngineError, UsageError
from pdbuild.plan.types import Plan, Request
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve

CHECKOUT = Path(__file__).parents[2]
FAILED: Files = {"log": "said\nso", "reason": "its check failed (exit code 1): so\n"}
FINE: Files = {"log": "said"}
WHY = "its check failed (exit code 1): so (log: "


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The example's, whose woboq is optional and was never tried."""
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    folder = CHECKOUT / "recipes"
    return load(folder / "paddle.toml", blocks_dir=folder / "toolchain")


def plan(recipe: Recipe, *targets: str) -> Plan:
    return resolve(attempts.with_tries(recipe), Request(targets=targets))


def built(made: Plan, folder: Path, outcome: Files) -> Built:
    """All targets of a plan, and its outcomes."""
    files = {"file": "content"}
    outputs = [output(folder / target.name, target, files) for target in made.targets]
    outputs += [output(folder / target.name, target, outcome) for target in made.outcomes]
    return Built(outputs=tuple(outputs))


def test_only_what_has_an_optional_block_needs_it(recipe: Recipe) -> None:
    for names in (("images", "debs", "binaries", "docs", "rootfs"), ("image-cpu",)):
        made = plan(recipe, *names)
        assert (made.sources, made.outcomes) == ((), ())
        assert not [stage.name for stage in made.stages if "woboq" in stage.name]
    for name in ("dev", "browse", "all"):
        made = plan(recipe, name)
        assert [block.name for block in made.sources] == ["woboq"]
        assert [outcome.name for outcome in made.outcomes] == ["block-woboq"]


def test_what_went_well_is_delivered(recipe: Recipe, tmp_path: Path) -> None:
    made = plan(recipe, "dev", "browse", "binaries-cpu")
    kept, failed = optional.sort_out(recipe, made, built(made, tmp_path, FINE))
    assert failed == {}
    assert [o.target.name for o in kept.outputs] == [target.name for target in made.targets]
    assert plan(recipe, "dev") == project.plan_without(recipe, Request(targets=("dev",)), {})


def test_what_has_a_block_that_failed_is_made_again_without(recipe: Recipe, tmp_path: Path) -> None:
    made = plan(recipe, "dev", "browse", "binaries-cpu")
    kept, failed = optional.sort_out(recipe, made, built(made, tmp_path, FAILED))
    assert [o.target.name for o in kept.outputs] == ["binaries-cpu"]
    assert list(failed) == ["woboq"] and failed["woboq"].startswith(WHY)
    log = Path(failed["woboq"].removeprefix(WHY).removesuffix(")"))
    assert log.read_text() == "said\nso"
    rest = optional.without(recipe, made, failed)
    targets = {target.name: target for target in rest.targets}
    assert set(targets) == {"dev", "browse"}
    assert targets["browse"].labels == {"org.pdbuild.generator": "doxygen"}
    assert targets["dev"].labels["org.pdbuild.left-out"] == "woboq"
    # On every machine the same: without the place of the log.
    reason = targets["dev"].labels["org.pdbuild.left-out.woboq"]
    assert reason == "its check failed (exit code 1): so"
    assert (rest.sources, rest.outcomes) == ((), ())
    # What compiles is the same text with the block and without.
    by_name = {stage.name: stage for stage in made.stages}
    assert all(by_name[s.name] == s for s in rest.stages if s.name not in ("dev", "browse-build"))


def test_a_failure_is_remembered_until_the_definition_changes_or_somebody_asks(
    recipe: Recipe, tmp_path: Path
) -> None:
    made = plan(recipe, "dev")
    optional.sort_out(recipe, made, built(made, tmp_path, FAILED))
    (block,) = made.sources
    known = attempts.recall(recipe, recipe.blocks)
    assert known.keys() == {"woboq"} and known["woboq"].startswith(WHY)
    assert block.source
    newer = dataclasses.replace(block, source=dataclasses.replace(block.source, commit="1" * 40))
    assert attempts.recall(recipe, [newer]) == {}
    project.try_again(recipe)
    assert attempts.recall(recipe, recipe.blocks) == {}
    # To an engine, the step that failed is finished: another try is another step.
    steps = [stage for stage in plan(recipe, "dev").stages if stage.name == "block-woboq"]
    assert "compiling it, try 2" in repr(steps)
    assert [s for s in made.stages if s.name == "block-woboq"] != steps


def test_a_changed_hook_is_another_definition(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = plan(recipe, "dev").sources
    before = attempts.folder(recipe, block)
    monkeypatch.setattr("pdbuild.shipped.hooks_dir", lambda: tmp_path)
    assert attempts.folder(recipe, block) != before


def test_strict_makes_it_an_error(recipe: Recipe) -> None:
    left_out = {"woboq": "its check failed (log: /x)"}
    optional.refuse(left_out, Options())
    optional.refuse({}, Options(strict=True))
    with pytest.raises(EngineError, match=r"woboq: its check failed \(log: /x\)") as caught:
        optional.refuse(left_out, Options(strict=True))
    assert "--retry-blocks" in caught.value.hint


def test_pages_that_nothing_else_can_make_are_no_target_any_more(
    recipe: Recipe, tmp_path: Path
) -> None:
    blocks = tuple(block for block in recipe.blocks if block.name != "doxygen")
    bare = dataclasses.replace(recipe, blocks=blocks)
    made = plan(bare, "all")
    _, failed = optional.sort_out(bare, made, built(made, tmp_path, FAILED))
    assert [t.name for t in optional.without(bare, made, failed).targets] == ["dev"]
    alone = plan(bare, "browse")
    with pytest.raises(UsageError, match="no generator is at hand"):
        optional.without(bare, alone, failed)


def test_a_bake_that_does_not_need_a_block_says_nothing_of_it(recipe: Recipe) -> None:
    assert optional.unknown(recipe, plan(recipe, "image-cpu")) == {"woboq"}
    assert optional.unknown(recipe, plan(recipe, "dev")) == set()
    without = project.plan_without(recipe, Request(targets=("dev",)), {"woboq": "x"})
    assert optional.unknown(recipe, without) == set()


def test_a_dev_image_that_lacks_another_block_is_another(recipe: Recipe) -> None:
    def definition(given: Recipe) -> str:
        request = Request(targets=("dev",))
        (dev,) = project.plan_without(given, request, {"woboq": "x"}).targets
        return dev.labels["org.pdbuild.definition"]

    index = next(i for i, block in enumerate(recipe.blocks) if block.name == "woboq")
    source = dataclasses.replace(recipe.blocks[index].source, commit="1" * 40)  # type: ignore[type-var]
    changed = dataclasses.replace(recipe.blocks[index], source=source)
    blocks = (*recipe.blocks[:index], changed, *recipe.blocks[index + 1 :])
    assert definition(dataclasses.replace(recipe, blocks=blocks)) != definition(recipe)
