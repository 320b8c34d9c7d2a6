"""How options reach a program, by the real hooks and tools."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pdbuild.plan.words import build_script
from pdbuild.recipe.load import load

HOOKS = Path(__file__).parents[2] / "hooks"

MAKEFILE = """
all:
\t$(CC) $(CPPFLAGS) -DLEVEL=$(LEVEL) -o show show.c
install:
\tinstall -D show $(DESTDIR)$(PREFIX)/bin/show
"""
CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(show C)
add_executable(show show.c)
target_compile_definitions(show PRIVATE LEVEL=${SHOW_LEVEL})
install(TARGETS show)
"""
SHOW_C = """
#include <stdio.h>
#ifndef MACRO
#define MACRO 0
#endif
int main(void) { printf("%d %d\\n", LEVEL, MACRO); }
"""
CONFIGURE = """#!/bin/sh
for word; do
    case $word in
    --with-level=*) level=${word#*=} ;;
    --prefix=*) prefix=${word#*=} ;;
    esac
done
cat >Makefile <<MAKEFILE
all:
	cc $CPPFLAGS -DLEVEL=$level -o show $(dirname "$0")/show.c
install:
	install -D show \\$(DESTDIR)$prefix/bin/show
MAKEFILE
"""


@pytest.mark.skipif(not (shutil.which("cc") and shutil.which("make")), reason="no compiler")
@pytest.mark.parametrize(
    ("hook", "form", "tools"),
    [
        ("build", 'cmake = "SHOW_LEVEL"', ("cmake", "ninja")),
        ("build-make", 'make = "LEVEL"', ()),
        ("build-autotools", 'configure = "with-level"', ()),
    ],
)
def test_an_option_reaches_the_program(
    hook: str, form: str, tools: tuple[str, ...], tmp_path: Path
) -> None:
    """What a program was compiled with follows each option, also in a tree that is there."""
    if not all(map(shutil.which, tools)):
        pytest.skip(f"no {' or '.join(tools)}")
    options = f'L = {{ default = "1", values = ["1", "2"], {form} }}\n'
    options += 'M = { default = "OFF", define = "MACRO=7" }'
    recipe = tmp_path / "pdbuild.toml"
    recipe.write_text(f'[project]\nname = "x1"\n[options]\n{options}\n[build]\nhook = "{hook}"\n')
    loaded = load(recipe, blocks_dir=tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "show.c").write_text(SHOW_C)
    (source / "Makefile").write_text(MAKEFILE)
    (source / "CMakeLists.txt").write_text(CMAKE)
    (source / "configure").write_text(CONFIGURE)
    (source / "configure").chmod(0o755)

    def shown(**values: str) -> str:
        output = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        environment = {
            **os.environ, "PDBUILD_SOURCE": str(source), "PDBUILD_TREE": str(tmp_path / "tree"),
            "PDBUILD_OUTPUT": str(output), "PDBUILD_PREFIX": "/usr", "tree_root": str(tmp_path),
            "L": "1", "M": "OFF", **values,
        }  # fmt: skip
        script = build_script(loaded, str(HOOKS))
        argv = ["bash", "-euo", "pipefail", "-c", script]
        subprocess.run(argv, env=environment, check=True, capture_output=True)
        return subprocess.check_output([output / "usr" / "bin" / "show"], text=True).strip()

    assert shown() == "1 0"
    assert shown(L="2") == "2 0"
    assert shown(L="2", M="ON") == "2 7"
    assert shown() == "1 0"


@pytest.mark.skipif(
    not all(map(shutil.which, ("cmake", "ninja", "cc"))), reason="NOT RUN: needs cmake and ninja"
)
def test_a_variable_that_the_project_does_not_know_is_noted(tmp_path: Path) -> None:
    """In every build, and not one that another variant may read, or CMake itself."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x NONE)\n"
        "if(GPU)\n    message(${GPU_ARCH})\nendif()\ninstall(FILES CMakeLists.txt DESTINATION x)\n"
    )
    environment = {
        **os.environ, "PDBUILD_SOURCE": str(source), "PDBUILD_TREE": str(tmp_path / "tree"),
        "PDBUILD_OUTPUT": str(tmp_path / "out"), "PDBUILD_PREFIX": "/usr",
        "tree_root": str(tmp_path),
    }  # fmt: skip
    noted = "note: the recipe sets WAVE_AVXX, which no CMake file of the project names"

    def notes(*arguments: str, version: str = "1") -> list[str]:
        given = ["bash", HOOKS / "build", "-DGPU=OFF", "-DGPU_ARCH=80", *arguments]
        ran = subprocess.run(
            given,
            env=environment | {"VERSION": version},
            check=True,
            capture_output=True,
            text=True,
        )
        return [line for line in ran.stderr.splitlines() if line.startswith("note: ")]

    assert notes("-DWAVE_AVXX=ON") == [noted]
    assert notes("-DWAVE_AVXX=ON") == [noted]
    assert notes("-DWAVE_AVXX:BOOL=OFF", version="2") == [noted]
    assert (tmp_path / "tree/.pdbuild-notes").read_text() == noted + "\n"
    assert notes() == []
    (source / "extra.cmake").write_text("option(WAVE_AVXX)")
    assert notes("-DWAVE_AVXX=ON") == []
