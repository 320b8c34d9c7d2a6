"""How options reach a build, by the shell that a step runs."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild.plan.words import build_script
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe

SHOWS = 'printf "%s\\n" "$@"; env | grep "_FLAG\\|FLAGS=" | LC_ALL=C sort || true\n'


def recipe(folder: Path, options: str, build: str = 'hook = "scripts/own"') -> Recipe:
    script = folder / "scripts" / "own"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SHOWS)
    text = f'[project]\nname = "x1"\n[options]\n{options}\n[build]\n{build}\n'
    (folder / "pdbuild.toml").write_text(text)
    return load(folder / "pdbuild.toml", blocks_dir=folder)


def given(loaded: Recipe, folder: Path, **variables: str) -> list[str]:
    """The arguments and variables that a script of the project's own gets."""
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "build-own").write_text('exec bash "$@"')
    defaults = {name: option.default for name, option in loaded.options.items()}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", build_script(loaded, str(hooks))],
        env={
            "PATH": os.environ["PATH"], "VERSION": "1.2", "PDBUILD_SOURCE": str(folder),
            **defaults, **variables,
        },
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.splitlines()


SWITCHES = [
    ('cmake = "W"', ["-DW=ON"], ["-DW=OFF"]),
    ('configure = "fft"', ["--enable-fft"], ["--disable-fft"]),
    ('configure = "enable-fft"', ["--enable-fft"], ["--disable-fft"]),
    ('configure = "with-ssl"', ["--with-ssl"], ["--without-ssl"]),
    ('meson = "sub:x"', ["-Dsub:x=true"], ["-Dsub:x=false"]),
    ('make = "W"', ["W=ON"], ["W=OFF"]),
    ('make = "W=a b"', ["W=a b"], []),
    ('make = { ON = "W=1", OFF = "" }', ["W=1"], []),
    ('configure = { ON = ["--a", "B=-l c"], OFF = "--no-a" }', ["--a", "B=-l c"], ["--no-a"]),
    ('meson = { ON = "-Da=enabled", OFF = "-Da=$VERSION" }', ["-Da=enabled"], ["-Da=1.2"]),
]


@pytest.mark.parametrize(("form", "on", "off"), SWITCHES)
def test_a_switch(form: str, on: list[str], off: list[str], tmp_path: Path) -> None:
    loaded = recipe(tmp_path, f'A = {{ default = "ON", {form} }}')
    assert given(loaded, tmp_path, A="ON") == (on or [""])
    assert given(loaded, tmp_path, A="OFF") == (off or [""])


VALUES = [
    ('cmake = "W"', ["-DW=red"], []),
    ('configure = "fft"', ["--enable-fft=red"], []),
    ('configure = "with-ssl"', ["--with-ssl=red"], []),
    ('meson = "w"', ["-Dw=red"], []),
    ('make = "W"', ["W=red"], []),
    ('define = "W"', [""], ["CPPFLAGS= -DW=red"]),
    ('environment = "A_FLAG"', [""], ["A_FLAG=red"]),
    ('description = "no form"', [""], []),
]


@pytest.mark.parametrize(("form", "words", "variables"), VALUES)
def test_another_value(form: str, words: list[str], variables: list[str], tmp_path: Path) -> None:
    loaded = recipe(tmp_path, f'A = {{ default = "blue", values = ["red", "blue"], {form} }}')
    assert given(loaded, tmp_path, A="red") == [*words, *variables]
    assert " case " not in build_script(loaded, "/hooks")


def test_macros_and_variables_add_up(tmp_path: Path) -> None:
    options = """
    A = { default = "ON", define = "A" }
    B = { default = "OFF", define = { ON = [], OFF = ["B=$VERSION", "C=\\"c\\""] } }
    C = { default = "x", values = ["x", "y"], environment = { x = { C_FLAG = "1 2" }, y = {} } }
    D = { default = "ON", cmake = "D" }
    """
    loaded = recipe(tmp_path, options, 'hook = "scripts/own"\narguments = ["last"]')
    assert given(loaded, tmp_path, CPPFLAGS="-I.") == [
        "-DD=ON",
        "last",
        'CPPFLAGS=-I. -DA -DB=1.2 -DC="c"',
        "C_FLAG=1 2",
    ]
    assert given(loaded, tmp_path, A="OFF", B="ON", C="y") == [
        "-DD=ON",
        "last",
    ]


def test_words_of_tables_stand_before_those_of_names_and_of_the_build(tmp_path: Path) -> None:
    options = """
    A = { default = "ON", cmake = "A" }
    B = { default = "ON", cmake = { ON = "-DB=1", OFF = "-DB=0" } }
    """
    loaded = recipe(tmp_path, options, 'hook = "build"\narguments = ["-DC"]')
    assert build_script(loaded, "/hooks") == (
        'export PDBUILD_ARGUED="A B"; '
        'case $B in ON) set -- "$@" -DB=1 ;; OFF) set -- "$@" -DB=0 ;; esac; '
        'exec bash /hooks/build "$@" -DA=$A -DC'
    )


def test_the_tree_is_told_what_the_arguments_say(tmp_path: Path) -> None:
    """All else in the environment is its own business: an option that is no argument, too."""
    options = """
    A = { default = "ON", cmake = "A" }
    B = { default = "ON", define = "B", cmake = "B" }
    C = { default = "ON", environment = "CC" }
    D = { default = "ON" }
    """
    words = 'arguments = ["-DV=${VERSION}", "-DW=$VERSION-$D", "-DE=$OTHER"]'
    loaded = recipe(tmp_path, options, f'hook = "build"\n{words}')
    assert 'export PDBUILD_ARGUED="A VERSION OTHER"; ' in build_script(loaded, "/hooks")


def test_a_script_of_the_projects_own_is_run_by_a_hook(tmp_path: Path) -> None:
    script = build_script(recipe(tmp_path, ""), '"$hooks"')
    assert script == 'exec bash "$hooks"/build-own "$PDBUILD_SOURCE/scripts/own"'


@pytest.mark.parametrize(
    ("hook", "flags"),
    [("build", "CFLAGS"), ("build-make", "CPPFLAGS"), ("build-autotools", "CPPFLAGS")],
)
def test_macros_reach_each_build_system(hook: str, flags: str, tmp_path: Path) -> None:
    loaded = recipe(tmp_path, 'A = { default = "ON", define = "A" }', f'hook = "{hook}"')
    assert f'export {flags}="${{{flags}-}} -DA"' in build_script(loaded, "/hooks")
