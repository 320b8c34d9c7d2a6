"""Applications: on the production images of one graph, or on an image that is there."""

import dataclasses

import pytest
from golden_bits import CHECKOUT, REQUEST, plan

from pdbuild.errors import UsageError
from pdbuild.plan.instructions import Copy, Run, Stage
from pdbuild.plan.types import Form, Plan
from pdbuild.recipe.load import find, load
from pdbuild.recipe.types import App, Recipe
from pdbuild.resolve import resolve

ON_ALL = ("", "-noavx", "-gpu", "-gpu-noavx")


def book(**changes: object) -> Recipe:
    """The example's book, with another [app]."""
    path = CHECKOUT / "recipes/book.toml"
    loaded = load(path, blocks_dir=CHECKOUT / "recipes/toolchain", hooks_dir=CHECKOUT / "hooks")
    assert loaded.app
    return dataclasses.replace(loaded, app=dataclasses.replace(loaded.app, **changes))


def asked(recipe: Recipe, *targets: str) -> Plan:
    return resolve(recipe, dataclasses.replace(REQUEST, targets=targets))


def stage(made: Plan, name: str) -> Stage:
    return next(stage for stage in made.stages if stage.name == name)


def test_it_comes_on_each_production_image_of_the_same_graph() -> None:
    made = asked(book(), "apps", "images")
    apps = [target for target in made.targets if target.kind == "app"]
    assert [target.tags for target in apps] == [(f"localhost/book:1.2.3{s}",) for s in ON_ALL]
    assert {target.form for target in apps} == {Form.IMAGE}
    for target in apps:
        assert stage(made, target.stage).base == f"image-{target.variant}"
        assert target.labels["org.opencontainers.image.title"] == "book"
        base = target.labels["org.opencontainers.image.base.name"]
        assert base == target.tags[0].replace("book", "paddle")
    # One set of wheels serves all of them, and waits for nothing that compiles.
    assert "compile" not in made.stages_of(dataclasses.replace(apps[0], stage="app-wheels"))
    assert sum(stage.name.startswith("app-wheels") for stage in made.stages) == 1
    # The images are what they are without it.
    alone = asked(book(), "images")
    names = {stage.name for stage in alone.stages}
    assert [stage for stage in made.stages if stage.name in names] == list(alone.stages)
    assert list(alone.targets) == [t for t in made.targets if t.kind == "image"]


def test_what_changes_most_comes_last() -> None:
    made = asked(book(packages=("tini",)), "app-cpu")
    copies = [i for i in stage(made, "app-cpu").instructions if isinstance(i, Copy)]
    assert [copy.stage for copy in copies] == ["app-additions-cpu", "app-wheels", ""]
    assert (copies[-1].source, copies[-1].target) == ("examples/book", "/book")


def test_on_some_of_the_variants() -> None:
    recipe = book(variants=("gpu",))
    assert [t.name for t in asked(recipe, "apps").targets] == ["app-gpu"]
    with pytest.raises(UsageError, match="no target or group 'app-cpu'"):
        asked(recipe, "app-cpu")


def test_without_packages_it_takes_no_step() -> None:
    made = asked(book(requirements="", packages=()), "app-cpu")
    assert not {"app-wheels", "app-depends"} & {stage.name for stage in made.stages}
    assert not [i for i in stage(made, "app-cpu").instructions if isinstance(i, Run)]


def test_on_an_image_that_is_there_nothing_is_compiled() -> None:
    made = plan("page")
    assert [target.name for target in made.targets] == ["app-default"]
    assert not {"compile", "toolchain", "runtime", "dev"} & {s.name for s in made.stages}
    image = made.targets[0].labels["org.opencontainers.image.base.name"]
    assert stage(made, "app-default").base == image
    assert image.startswith("registry.example.org/paddle:0.1@")


def test_a_recipe_without_one_says_so() -> None:
    with pytest.raises(UsageError, match=r"has no \[app\]"):
        plan("paddle", "apps")


def test_the_book_stands_beside_the_recipe_that_it_extends_and_is_not_meant_by_accident() -> None:
    assert find(CHECKOUT, None).name == "paddle.toml"
    assert find(CHECKOUT, "book").name == "book.toml"


def test_where_its_files_go_by_default() -> None:
    app = App(name="book")
    assert (app.copies, app.folder) == ({".": "/book"}, "/book")
