"""Build hooks where a project's path has what a shell, make or a compiler's flags take apart."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOOKS = Path(__file__).parents[2] / "hooks"
FILES = {
    "x.c": '#include <stdio.h>\nint main(void) { puts("runs"); }\n',
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.20)\nproject(x C)\n"
    "add_executable(x x.c)\ninstall(TARGETS x)\n",
    "meson.build": "project('x', 'c')\nexecutable('x', 'x.c', install: true)\n",
    "Makefile": "x: x.c\n\t$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o x x.c\n"
    "install: x\n\tinstall -D x $(DESTDIR)$(PREFIX)/bin/x\n",
}
NEEDS = {
    "build": ("cmake", "ninja"),
    "build-make": ("make",),
    "build-meson": ("meson", "ninja"),
}


@pytest.mark.parametrize("hook", NEEDS)
@pytest.mark.parametrize(("name", "paths"), [("my proj", "keep"), ("a'b$c", "keep"), ("x=1,2", "")])
def test_a_project_is_built_wherever_it_is(
    hook: str, name: str, paths: str, tmp_path: Path
) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    needed = ("cc", "dpkg-buildflags", *NEEDS[hook])
    missing = [tool for tool in needed if not shutil.which(tool, path=path)]
    if missing:
        pytest.skip(f"NOT RUN: {hook} needs {', '.join(missing)} on this host")
    source = tmp_path / name
    source.mkdir()
    for file, text in FILES.items():
        (source / file).write_text(text)
    environment = {
        "PATH": path,
        "HOME": str(tmp_path),
        "PDBUILD_SOURCE": str(source),
        "PDBUILD_TREE": str(source / "build/dev/avx"),
        "PDBUILD_OUTPUT": str(source / "build/dev/.avx/out"),
        "PDBUILD_PREFIX": "/usr",
        "PDBUILD_HARDENING": "ON",
        "PDBUILD_PATHS": paths,
        "tree_root": str(tmp_path),
    }
    for step in (hook, "strip"):
        ran = subprocess.run(
            ["bash", HOOKS / step], env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    program = Path(environment["PDBUILD_OUTPUT"]) / "usr/bin/x"
    assert subprocess.check_output([program], text=True) == "runs\n"
