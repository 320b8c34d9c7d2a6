"""What `import pdbuild` has: the names, and the functions that need no engine."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import pdbuild

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small

RECIPES = Path(__file__).parents[2] / "recipes"
MAKE = RECIPES / "make"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / "state" / name))
    monkeypatch.chdir(tmp_path)


def printed(program: str) -> str:
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_the_import_is_quick() -> None:
    program = "import pdbuild, sys; print(*(n for n in sys.modules if n.startswith('pdbuild')))"
    assert printed(program).split() == ["pdbuild"]


def test_every_name_is_there_and_documented() -> None:
    names = ("load", "plan", "render", "bake", "run", "logs", "stop", "images", "push", "pull")
    names += ("save", "load_images", "verify")
    assert set(names) <= set(pdbuild.__all__) <= set(dir(pdbuild))
    for name in pdbuild.__all__:
        found = getattr(pdbuild, name)
        assert name == "Event" or found.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pdbuild.nothing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize("name", ["plan", "render", "verify"])
def test_functions_are_not_hidden_by_packages_of_their_names(name: str) -> None:
    program = (
        f"import pdbuild; import pdbuild.{name}; from pdbuild import {name}; "
        f"from pdbuild.plan import types; print(callable({name}), callable(pdbuild.{name}))"
    )
    assert printed(program) == "True True\n"
    assert importlib.import_module(f"pdbuild.{name}") is sys.modules[f"pdbuild.{name}"]
    assert callable(getattr(pdbuild, name))


def test_values_are_frozen() -> None:
    values = [getattr(pdbuild, name) for name in pdbuild.__all__]
    kinds: list[Any] = [one for one in values if is_dataclass(one)]
    assert len(kinds) > 12
    for kind in kinds:
        one = object.__new__(kind)
        with pytest.raises((FrozenInstanceError, TypeError)):
            one.anything = 1


def test_a_recipe_is_found_in_all_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pdbuild.load(MAKE)
    assert Path(found.file) == MAKE / "pdbuild.toml"
    assert found == pdbuild.load(str(MAKE / "pdbuild.toml")) == pdbuild.load(MAKE / "src")
    monkeypatch.chdir(MAKE / "src")
    assert pdbuild.load() == pdbuild.load("..") == found
    assert pdbuild.plan("images", project=found) == pdbuild.plan("images")


def test_a_recipe_is_chosen_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    for name in ("one", "two"):
        text = f'project.name = "{name}"\nproject.version = "1.0"\n'
        (tmp_path / f"recipes/{name}.toml").write_text(text)
    assert pdbuild.load(tmp_path, recipe="two").project.name == "two"
    with pytest.raises(pdbuild.UsageError, match="holds several recipes"):
        pdbuild.load(tmp_path)


def test_mistakes_have_their_places(tmp_path: Path) -> None:
    file = tmp_path / "pdbuild.toml"
    file.write_text('[project]\nname = "x1"\nversion = "1.0"\nnmae = 1\n[toolchian]\n')
    with pytest.raises(pdbuild.RecipeError) as caught:
        pdbuild.load(tmp_path)
    places = [(one.file, one.line, one.key) for one in caught.value.problems]
    assert places == [(str(file), 4, "project.nmae"), (str(file), 5, "toolchian")]
    for start in (pdbuild.bake, pdbuild.run, pdbuild.push, pdbuild.verify):
        job: Callable[..., object] = start
        with pytest.raises(pdbuild.RecipeError):
            job("x", project=tmp_path)


def test_a_plan_says_what_would_be_made(capfd: pytest.CaptureFixture[str]) -> None:
    planned = pdbuild.plan("images", project=MAKE, platforms=["linux/arm64"])
    assert {target.platform for target in planned.targets} >= {"linux/arm64"}
    with pytest.raises(pdbuild.UsageError) as caught:
        pdbuild.plan("imagse", project=MAKE)
    assert "images" in caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_texts_are_those_of_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    texts = pdbuild.render("image-french", project=MAKE, settings={"GREETING": "fr"})
    assert capfd.readouterr() == ("", "")
    words = [sys.executable, "-m", "pdbuild", "bake", "image-french", "--set", "GREETING=fr"]
    for option, text in (("bake", texts.bakefile), ("containerfile", texts.containerfile)):
        done = subprocess.run(
            [*words, f"--print={option}"], cwd=MAKE, capture_output=True, text=True, check=True
        )
        assert done.stdout == text
        if option == "bake":
            assert tuple(done.stderr.splitlines()) == texts.notes
    assert '"GREETING": "fr"' in texts.bakefile


def test_a_job_that_cannot_begin_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pdbuild.UsageError) as caught:
        list(pdbuild.bake("imagse", project=MAKE))
    assert "images" in caught.value.hint
    with pytest.raises(pdbuild.UsageError, match="no image nothing:1"):
        pdbuild.run("true", image="nothing:1").result()
    with pytest.raises(pdbuild.UsageError, match="there is no image nothing"):
        pdbuild.push("nothing", project=MAKE).result()
    with pytest.raises(pdbuild.UsageError, match="nor a name of CDI"):
        pdbuild.run("true", project=MAKE, devices=["x"])
    with pytest.raises(pdbuild.UsageError, match="there is no folder nowhere"):
        pdbuild.run("true", project=MAKE, folder="nowhere")
    with pytest.raises(pdbuild.UsageError, match="no image nothing"):
        pdbuild.save("nothing", out="x.tar").result()
    with pytest.raises(pdbuild.PdbuildError, match="nowhere"):
        pdbuild.load_images("nowhere").result()
    with pytest.raises(pdbuild.UsageError, match="no program"):
        pdbuild.run(project=MAKE)
    with pytest.raises(pdbuild.UsageError, match="would choose another"):
        pdbuild.run("true", image="a:1", variant="b")
    with pytest.raises(pdbuild.UsageError, match="reads nothing"):
        pdbuild.run("true", image="a:1", stdin="x", detach=True)
    with pytest.raises(pdbuild.UsageError, match="are about push"):
        pdbuild.bake("images", project=MAKE, to="a.example.org/x")
    with pytest.raises(pdbuild.UsageError, match="there is no image nothing"):
        pdbuild.images("nothing")
    assert capfd.readouterr() == ("", "")


def test_relative_names_are_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pdbuild.api import functions, transfers

    seen: list[Any] = []
    for module in (functions, transfers):
        monkeypatch.setattr(module, "Job", lambda *given: seen.append(given))
    pdbuild.bake("images", project=os.path.relpath(MAKE), output="out", settings={"GREETING": "fr"})
    pdbuild.run("a.py", project=MAKE, folder="state", env={"A": "b"})
    pdbuild.push("x", to="a.example.org/x", ca="ca.pem")
    pdbuild.bake(
        "images", project=MAKE, push=True, to="a.example.org/x", ca="ca.pem",
        cache_from=["./layers", "b.example.org/cache"], cache_to="/layers",
    )  # fmt: skip
    (bake, root), (run, here, _), (push, _), (pushed, _) = seen
    assert bake.push is None and pushed.push.repository == "a.example.org/x"
    assert pushed.push.access.ca == tmp_path / "ca.pem"
    assert pushed.options.layers_from == (str(tmp_path / "layers"), "b.example.org/cache")
    assert pushed.options.layers_to == "/layers"
    assert (root, here) == (MAKE, tmp_path / "state")
    assert bake.choices.recipe == str(MAKE / "pdbuild.toml")
    assert bake.options.output == str(tmp_path / "out")
    assert bake.choices.settings == {"GREETING": "fr"}
    assert run.program.env == (("A", "b"),)
    assert push.access.ca == tmp_path / "ca.pem"


def test_images_are_those_of_the_store(tmp_path: Path) -> None:
    from pdbuild.store import Store

    assert pdbuild.images() == ()
    small.image(Store.own(), tmp_path / "made", "localhost/x:1", b"x")
    small.image(Store.own(), tmp_path / "made", "localhost/y:1", b"y")
    found = pdbuild.images()
    assert [(one.reference, one.platform) for one in found] == [
        (f"localhost/{name}:1", f"linux/{machine}")
        for name in "xy"
        for machine in ("amd64", "arm64")
    ]
    assert pdbuild.images("x") == pdbuild.images("localhost/x:1") == found[:2]
    saved = pdbuild.save("x:1", out="x.tar").result()
    assert saved == pdbuild.load_images("x.tar").result() == ("localhost/x:1",)


def test_a_program_reads_what_it_is_given(tmp_path: Path) -> None:
    program = (
        "import os, subprocess; from pdbuild.api import running; "
        "running._read_by_what_we_start(b'given'); os.system('cat'); os.system('cat')"
    )
    assert printed(program) == "given"


def test_threads_load_plan_and_render(capfd: pytest.CaptureFixture[str]) -> None:
    before = Path.cwd(), dict(os.environ)

    def texts(number: int) -> object:
        recipe = pdbuild.load(MAKE)
        assert pdbuild.plan("all", project=recipe).project == "greet"
        return pdbuild.render(("image-english", "image-french")[number % 2], project=recipe)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(texts, range(16)))
    assert seen == seen[:2] * 8
    assert (Path.cwd(), dict(os.environ)) == before
    assert capfd.readouterr() == ("", "")
