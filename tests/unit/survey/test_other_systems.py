"""Autotools, Meson, make and Python projects are read by their tools, or by their text."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild.survey import configure, fileapi, make, meson, python
from pdbuild.survey.facts import Facts

CONFIGURE_AC = """
AC_INIT([squares], [1.2], [bugs@example.org], [], [https://squares.example])
dnl AC_PROG_CXX
AM_INIT_AUTOMAKE
AC_PROG_CC
LT_INIT
AC_ARG_ENABLE([avx2], [AS_HELP_STRING([--enable-avx2], [use AVX2, (fast) @<:@default=no@:>@])],
              [], [enable_avx2=no])
AC_ARG_ENABLE(tls, AS_HELP_STRING([--disable-tls], [no encryption]))
AC_ARG_WITH([cache], [AS_HELP_STRING([--with-cache=DIR], [where])])
PKG_CHECK_MODULES([DEPS], [zlib >= 1.2 libzstd])
PKG_CHECK_MODULES([MAYBE], [libuv], [have=1], [have=0])
AC_CHECK_LIB([m], [sin])
AC_SEARCH_LIBS([initscr], [ncursesw ncurses])
AC_OUTPUT
"""


def of(facts: Facts) -> dict[str, tuple[tuple[str, ...], str]]:
    return {choice.key: (choice.values, choice.default) for choice in facts.choices}


def test_the_text_of_configure_ac(tmp_path: Path) -> None:
    (tmp_path / "configure.ac").write_text(CONFIGURE_AC)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile.am").write_text("bin_PROGRAMS = squares \\\n  cubes\nif X\n")
    facts = configure.read(tmp_path, run=True)
    assert facts.how == "the text of configure.ac"
    assert (facts.name, facts.version) == ("squares", "1.2")
    assert facts.homepage == "https://squares.example"
    assert facts.languages == {"C"}
    assert of(facts) == {
        "enable-avx2": (("yes", "no"), "no"),
        "enable-tls": (("yes", "no"), "yes"),
        "with-cache": ((), ""),
    }
    assert facts.choices[0].description == "use AVX2, (fast) (default=no)"
    assert [(n.kind, n.name, n.required) for n in facts.needs] == [
        ("macro", "LT_INIT", True),
        ("macro", "PKG_CHECK_MODULES", True),
        ("pkg-config", "zlib", True),
        ("pkg-config", "libzstd", True),
        ("pkg-config", "libuv", False),
        ("library", "ncursesw", False),
    ]
    assert facts.programs == ("squares", "cubes")


@pytest.mark.skipif(not shutil.which("autoreconf"), reason="autoconf is not installed")
def test_configure_is_asked(tmp_path: Path) -> None:
    """The same from the help of a real configure; nothing is written beside it."""
    text = "AC_INIT([squares], [1.2])\nAC_PROG_CC\n" + "".join(
        CONFIGURE_AC[CONFIGURE_AC.index("AC_ARG") : CONFIGURE_AC.index("PKG_CHECK")]
    )
    (tmp_path / "configure.ac").write_text(text + "AC_OUTPUT\n")
    subprocess.run(["autoreconf", "--install"], cwd=tmp_path, check=True, capture_output=True)
    before = sorted(tmp_path.rglob("*"))
    facts = configure.read(tmp_path, run=True)
    assert facts.how == "configure --help"
    assert of(facts) == {
        "enable-avx2": (("yes", "no"), "no"),
        "enable-tls": (("yes", "no"), "yes"),
        "with-cache": ((), ""),
    }
    assert sorted(tmp_path.rglob("*")) == before
    assert of(configure.read(tmp_path, run=False)) == of(facts)


MESON = """
project('squares', 'cpp', 'cuda',
  version : '1.2', default_options : ['cpp_std=c++17'])
zlib = dependency('zlib', version : '>= 1.2')
dependency('libuv', required : get_option('uv'))
dependency('threads')
executable('squares', 'a.cpp', dependencies : [zlib], install : true)
helper = executable('helper', 'b.cpp')
executable('cubes', 'c.cpp', install : get_option('simd'))
executable('roots', 'd.cpp', install : get_option('off'))
find_program('flex')
test('it helps', helper)
"""
OPTIONS = """
option('uv', type : 'feature', value : 'disabled', description : 'event loop')
option('simd', type : 'boolean', value : true)
option('mode', type : 'combo', choices : ['fast', 'small'], value : 'small')
option('where', type : 'string')
option('off', type : 'boolean', value : false)
"""


@pytest.mark.parametrize("how", ["meson introspect", "the text of meson.build"])
def test_meson(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "meson introspect":
        beside = str(Path(sys.executable).parent)  # where pip puts it
        monkeypatch.setenv("PATH", f"{beside}:{os.environ['PATH']}")
        if not shutil.which("meson"):
            pytest.skip("meson is not installed")
    (tmp_path / "meson.build").write_text(MESON)
    (tmp_path / "meson_options.txt").write_text(OPTIONS)
    facts = meson.read(tmp_path, run=how == "meson introspect")
    assert facts.how == how
    assert (facts.name, facts.version, facts.languages) == ("squares", "1.2", {"CXX", "CUDA"})
    assert of(facts) == {
        "uv": (("enabled", "disabled"), "disabled"),
        "simd": (("true", "false"), "true"),
        "mode": (("fast", "small"), "small"),
        "where": ((), ""),
        "off": (("true", "false"), "false"),
    }
    assert [(n.kind, n.name, n.required) for n in facts.needs] == [
        ("pkg-config", "zlib", True), ("pkg-config", "libuv", False), ("program", "flex", False),
    ]  # fmt: skip
    assert (facts.programs, facts.tests) == (("squares", "cubes"), True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["meson.build", "meson_options.txt"]


def test_a_makefile(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(
        "include more.mk\n"
        "GPU = 0 # kernels\nTLS ?= yes\nCC=gcc\nVERBOSE=1\nPREFIX ?= /usr\n"
        "ifeq ($(GPU), 1)\nLDFLAGS += -lcublas -L/x \\\n  -lz -lm\nendif\n"
        "ifneq ($(TLS),yes)\nendif\nifeq ($(DEBUG),1)\nendif\n"
        "%.o: %.cu\n\tnvcc -c $<\n"
        "check:\n\t./t\ninstall: all\n\tcp x $(DESTDIR)$(PREFIX)/bin\n"
    )
    (tmp_path / "more.mk").write_text("X := $(shell pkg-config --cflags libuv)\n")
    facts = make.read(tmp_path)
    assert of(facts) == {
        "GPU": (("1", "0"), "0"),
        "TLS": (("yes", "no"), "yes"),
        "DEBUG": (("1", "0"), "0"),
    }
    assert facts.languages == {"C", "CUDA"}
    assert [(n.kind, n.name) for n in facts.needs] == [("pkg-config", "libuv"), ("library", "z")]
    assert (facts.installs, facts.tests, facts.notes) == (True, True, ())


def test_a_makefile_that_installs_nothing(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\tcc x.c\nuninstaller: all\n")
    facts = make.read(tmp_path)
    assert (facts.installs, facts.tests) == (False, False)
    assert "no `install`" in facts.notes[0]


PYTHONS = {
    "scikit-build-core": (
        '[build-system]\nrequires=["scikit-build-core"]\nbuild-backend="scikit_build_core.build"',
        "cmake",
    ),
    "meson-python": ('[build-system]\nrequires=["meson-python"]\nbuild-backend="mesonpy"', "meson"),
    "setuptools with pybind11": (
        '[build-system]\nrequires=["setuptools", "pybind11"]',
        "setuptools",
    ),
    "pure": ('[build-system]\nrequires=["setuptools"]', ""),
    "hatch": ('[build-system]\nrequires=["hatchling"]\nbuild-backend="hatchling.build"', ""),
    "broken": ("[build-system", ""),
}


@pytest.mark.parametrize("name", PYTHONS)
def test_python_backends(name: str, tmp_path: Path) -> None:
    text, wanted = PYTHONS[name]
    (tmp_path / "pyproject.toml").write_text(text)
    assert python.backend(tmp_path) == wanted


def test_python_needs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["scikit_build.core >=0.9", "Cython"]\n'
        'build-backend = "scikit_build_core.build"\n[project]\nname = "parcel"\nversion = "2.1"\n'
        'dependencies = ["numpy>=1.2; python_version > \'3\'"]\nurls = { Homepage = "https://p" }\n'
        '[project.scripts]\nparcel = "parcel:main"\n'
    )
    facts = python.read(tmp_path)
    assert (facts.name, facts.version, facts.homepage) == ("parcel", "2.1", "https://p")
    assert [need.name for need in facts.needs] == ["scikit-build-core", "cython"]
    assert [need.name for need in facts.runs_with] == ["numpy"]
    assert (facts.programs, facts.tests) == (("parcel",), False)


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")
def test_cmake_is_asked(tmp_path: Path) -> None:
    """What only a configured project tells; the source stays as it was."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x C)\n"
        'foreach(name A B)\n  option(X_${name} "" ON)\nendforeach()\n'
        "add_executable(one a.c)\nadd_executable(two a.c)\n"
        "file(WRITE ${CMAKE_SOURCE_DIR}/written.txt x)\n"
        "install(TARGETS two)\n"
    )
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    found = fileapi.configure(tmp_path)
    assert isinstance(found, fileapi.Configured)
    assert found.languages == {"C"}
    assert found.programs == ("two",)
    assert found.settings["X_A"] == found.settings["X_B"] == "ON"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["CMakeLists.txt", "a.c"]


def test_cmake_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "CMakeLists.txt").write_text("project(x NONE)\nfind_package(Nowhere REQUIRED)\n")
    if shutil.which("cmake"):
        assert fileapi.configure(tmp_path) == "cmake could not configure it on this machine"
    os.mkfifo(tmp_path / "pipe")
    assert fileapi.configure(tmp_path) == "the source cannot be copied"
    (tmp_path / "pipe").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fileapi.configure(tmp_path) == "cmake is not installed"


def test_replies_are_json(tmp_path: Path) -> None:
    """An answer as CMake 3.31 gives it."""

    def write(name: str, content: object) -> None:
        (tmp_path / name).write_text(json.dumps(content))

    responses = [
        {"kind": kind, "jsonFile": f"{kind}.json"} for kind in ("cache", "codemodel", "toolchains")
    ]
    write("index-1.json", {"reply": {"client-pdbuild": {"query.json": {"responses": responses}}}})
    write("cache.json", {"entries": [{"name": "A", "value": "ON", "type": "BOOL"}]})
    write("toolchains.json", {"toolchains": [{"language": "CUDA"}]})
    write(
        "codemodel.json",
        {"configurations": [{"targets": [{"jsonFile": "t.json"}, {"jsonFile": "l.json"}]}]},
    )
    write("t.json", {"name": "t", "nameOnDisk": "tool", "type": "EXECUTABLE", "install": {}})
    write("l.json", {"name": "l", "type": "STATIC_LIBRARY", "install": {}})
    assert fileapi.read(tmp_path) == fileapi.Configured(
        settings={"A": "ON"}, languages=frozenset({"CUDA"}), programs=("tool",)
    )
