"""The lock of an application's Python packages: what makes it stale, and the real uv."""

import dataclasses
import hashlib
import zipfile
from pathlib import Path

import pytest

from pdbuild import pinned, project
from pdbuild.choices import Choices
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe

RECIPE = """
project = { name = "page", version = "1.0" }
app = { name = "page", image = "localhost/paddle:1", requirements = "requirements.txt" }
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """An application, and an index of wheels that is a folder."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "requirements.txt").write_text("one\n")
    (tmp_path / "recipes/page.toml").write_text(RECIPE)
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    for name, version in (("one", "1.0"), ("one", "2.0"), ("two", "1.0")):
        wheel(tmp_path / "index", name, version)
    monkeypatch.chdir(tmp_path)
    return load(tmp_path / "recipes/page.toml", blocks_dir=tmp_path)


def wheel(index: Path, name: str, version: str) -> Path:
    index.mkdir(exist_ok=True)
    path = index / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        needs = "Requires-Dist: two\n" if name == "one" else ""
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def locked(path: Path) -> dict[str, str]:
    """The versions in a lock."""
    lines = (line.split()[0] for line in path.read_text().splitlines() if line[:1].isalpha())
    return dict(line.split("==") for line in lines)


def test_all_packages_are_locked_by_their_checksums(recipe: Recipe) -> None:
    assert "is not there" in pinned.stale(recipe)
    path = pinned.make(recipe)
    assert path == Path(recipe.root, "recipes/page.lock")
    assert locked(path) == {"one": "2.0", "two": "1.0"}
    content = Path("index/one-2.0-py3-none-any.whl").read_bytes()
    assert f"--hash=sha256:{hashlib.sha256(content).hexdigest()}" in path.read_text()
    assert not pinned.stale(recipe)
    assert "://" not in path.read_text()  # no index is named


def test_it_is_stale_when_what_it_was_made_from_has_changed(recipe: Recipe) -> None:
    pinned.make(recipe)
    assert recipe.app
    other = dataclasses.replace(recipe, app=dataclasses.replace(recipe.app, python="3.14"))
    assert "has changed" in pinned.stale(other)
    Path("requirements.txt").write_text("one<2\n")
    assert pinned.stale(recipe) == "requirements.txt has changed since recipes/page.lock was made"
    assert locked(pinned.make(recipe)) == {"one": "1.0", "two": "1.0"}
    assert not pinned.stale(recipe)


def test_what_is_locked_stays_unless_asked(recipe: Recipe) -> None:
    pinned.make(recipe)
    wheel(Path("index"), "two", "1.5")
    Path("requirements.txt").write_text("one\n\n")
    assert locked(pinned.make(recipe))["two"] == "1.0"
    assert locked(pinned.make(recipe, upgrade=True))["two"] == "1.5"


def test_no_solution_is_told_in_uvs_words_and_keeps_the_lock(recipe: Recipe) -> None:
    path = pinned.make(recipe)
    before = path.read_text()
    Path("requirements.txt").write_text("one>=3\n")
    with pytest.raises(EngineError, match=r"page cannot be locked:(.|\n)*one"):
        pinned.make(recipe)
    assert path.read_text() == before


def test_a_bake_refuses_what_is_not_locked(recipe: Recipe) -> None:
    with pytest.raises(UsageError, match="is not there") as caught:
        project.plan_for(recipe, Choices())
    assert caught.value.hint.startswith("pdbuild app lock")
    pinned.make(recipe)
    assert [target.name for target in project.plan_for(recipe, Choices()).targets] == [
        "app-default"
    ]


def test_nothing_to_lock(recipe: Recipe) -> None:
    assert recipe.app
    bare = dataclasses.replace(recipe, app=dataclasses.replace(recipe.app, requirements=""))
    assert not pinned.stale(bare)
    with pytest.raises(UsageError, match="no Python packages to lock"):
        pinned.make(bare)


def test_without_uv(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "uv", None)
    with pytest.raises(EngineError, match="uv") as caught:
        pinned.make(recipe)
    assert "pdbuild[lock]" in caught.value.hint


def test_the_lock_of_the_example_is_current() -> None:
    checkout = Path(__file__).parents[2]
    path = checkout / "recipes/book.toml"
    book = load(path, blocks_dir=checkout / "recipes/toolchain", hooks_dir=checkout / "hooks")
    assert not pinned.stale(book)


def test_a_lock_is_for_the_python_of_the_bases_suite(recipe: Recipe) -> None:
    assert recipe.app
    for suite, version in (("bookworm", "3.11"), ("trixie", "3.13"), ("unknown", "3.13")):
        assert recipe.app.python_of(suite) == version
    own = dataclasses.replace(recipe.app, python="3.12")
    assert own.python_of("bookworm") == "3.12"
    pinned.make(recipe)
    older = dataclasses.replace(recipe, base=dataclasses.replace(recipe.base, suite="bookworm"))
    assert not pinned.stale(recipe) and "has changed since" in pinned.stale(older)
