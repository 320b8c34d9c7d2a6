"""A recipe that is remembered is what loading it again would give."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild.errors import RecipeError
from pdbuild.recipe import load as loading
from pdbuild.recipe import remembered
from pdbuild.recipe.types import Recipe

RECIPE = 'project.name = "x1"\ntoolchain.blocks = ["own", "shared"]\ndocs.source = "docs"\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("project/toolchain", "project/docs", "blocks", "hooks"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("project/toolchain/own", "blocks/shared"):
        (tmp_path / f"{name}.toml").write_text('description = "1"\ncheck = "check/x"\n')
    for name in ("build", "docs"):
        (tmp_path / "hooks" / name).touch()
    file = tmp_path / "project" / "pdbuild.toml"
    file.write_text(RECIPE)
    return file


def loaded(path: Path) -> Recipe:
    top = path.parents[1]
    return remembered.load(path, blocks_dir=top / "blocks", hooks_dir=top / "hooks")


@pytest.fixture
def no_loading(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbid() -> None:
        monkeypatch.setattr(loading, "load", lambda *_, **__: pytest.fail("it was loaded again"))

    return forbid


def test_the_second_time_it_is_remembered(path: Path, no_loading: Callable[[], None]) -> None:
    first = loaded(path)
    no_loading()
    assert loaded(path) == first


@pytest.mark.parametrize("file", ["toolchain/own.toml", "../blocks/shared.toml"])
def test_a_changed_block_is_read(path: Path, file: str) -> None:
    loaded(path)
    (path.parent / file).write_text('description = "2"\ncheck = "check/x"\n')
    assert "2" in [block.description for block in loaded(path).blocks]


def test_a_block_of_the_projects_own_that_is_new_is_read(path: Path) -> None:
    loaded(path)
    (path.parent / "toolchain/shared.toml").write_text('description = "2"\ncheck = "check/x"\n')
    assert loaded(path).blocks[1].description == "2"


@pytest.mark.parametrize("gone", ["project/docs", "hooks/build"])
def test_what_is_gone_is_missed(path: Path, gone: str) -> None:
    loaded(path)
    target = path.parents[1] / gone
    target.rename(target.with_name("elsewhere"))
    with pytest.raises(RecipeError):
        loaded(path)


def test_a_mistake_is_told_each_time(path: Path) -> None:
    path.write_text("nonsense = 1\n")
    for _ in range(2):
        with pytest.raises(RecipeError):
            loaded(path)


def test_what_it_extends_is_always_read(path: Path) -> None:
    common = path.parents[1] / "common.toml"
    common.write_text('project.version = "1.0"\n')
    path.write_text(f'extends = "../common.toml"\n{RECIPE}')
    assert loaded(path).project.version == "1.0"
    common.write_text('project.version = "2.0"\n')
    assert loaded(path).project.version == "2.0"


def test_what_it_extends_in_its_folder_is_remembered_as_well(
    path: Path, no_loading: Callable[[], None]
) -> None:
    common = path.with_name("common.toml")
    common.write_text('project.version = "1.0"\n')
    path.write_text(f'# The project.\nextends = "common.toml"\n{RECIPE}')
    assert remembered.looks_at(path, path.parent) is not None
    assert loaded(path).project.version == "1.0"
    common.write_text('project.version = "2.0"\n')
    first = loaded(path)
    assert first.project.version == "2.0"
    no_loading()
    assert loaded(path) == first


@pytest.mark.parametrize(
    "line",
    [
        'extends = ["common.toml"]',
        '"extends" = "common.toml"',
        'extends = "./common.toml"',
        "extends = 'common.toml'",
        'extends = "common.toml"  # extends another',
    ],
)
def test_other_ways_to_say_what_it_extends_are_read_each_time(path: Path, line: str) -> None:
    path.with_name("common.toml").write_text('project.version = "1.0"\n')
    path.write_text(f"{line}\n{RECIPE}")
    assert loaded(path).project.version == "1.0"
    assert remembered.looks_at(path, path.parent) is None


def test_what_an_extended_one_extends_counts(path: Path) -> None:
    top = path.parents[1] / "top.toml"
    top.write_text('project.version = "1.0"\n')
    path.with_name("common.toml").write_text('extends = "../top.toml"\n')
    path.write_text(f'extends = "common.toml"\n{RECIPE}')
    assert loaded(path).project.version == "1.0"
    top.write_text('project.version = "2.0"\n')
    assert loaded(path).project.version == "2.0"


def test_a_damaged_memory_is_none(path: Path) -> None:
    first = loaded(path)
    (memory,) = (path.parents[1] / "cache" / "recipes").iterdir()
    memory.write_bytes(b"\x80damaged")
    assert loaded(path) == first
