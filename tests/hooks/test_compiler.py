"""hooks/compiler: the compiler and the flags that a build gets, by the real dpkg-buildflags."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("CC", "CXX", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "CUDAFLAGS", "LDFLAGS", "NVCC_APPEND_FLAGS")


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    if not shutil.which("dpkg-buildflags"):
        pytest.skip("NOT RUN: hardening needs dpkg-buildflags on this host")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    (folder / "tree").mkdir(exist_ok=True)
    places = {
        "PDBUILD_SOURCE": "/src",
        "PDBUILD_TREE": str(folder / "tree"),
        "PDBUILD_OUTPUT": str(folder / "out"),
        "PDBUILD_PREFIX": "/usr",
        "tree_root": str(folder),
    }
    return {"PATH": os.environ["PATH"], **places, **variables}


def flags(folder: Path, script: str = "", **variables: str) -> dict[str, str]:
    """What the variables are after `compiler` was sourced, and the script has run."""
    shown = " ".join(f'"${{{name}-}}"' for name in NAMES)
    text = f'. "$0"; {script or ":"}; printf "%s\\n" {shown}'
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text, ROOT / "hooks" / "compiler"],
        env=environment(folder, **variables), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(NAMES, ran.stdout.splitlines(), strict=True))


CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(depends CXX)
include_directories(SYSTEM ${CMAKE_SOURCE_DIR}/system)
add_executable(depends main.cc)
install(TARGETS depends)
"""


@pytest.mark.skipif(
    not all(map(shutil.which, ("ccache", "cmake", "ninja"))),
    reason="NOT RUN: needs ccache, cmake and ninja on this host",
)
def test_ccache_sees_the_headers_without_preprocessing(tmp_path: Path) -> None:
    source, cache = tmp_path / "src", tmp_path / "ccache"
    (source / "system").mkdir(parents=True)
    (source / "CMakeLists.txt").write_text(CMAKE)
    (source / "main.cc").write_text(
        "#include <cstdio>\n#include <word.h>\nint main() { std::puts(WORD); }\n"
    )
    said = []
    for number, word in enumerate(("one", "one", "two")):
        (source / "system/word.h").write_text(f'#define WORD "{word}"\n')
        folder = tmp_path / str(number)
        folder.mkdir()
        env = environment(folder, CCACHE_DIR=str(cache), PDBUILD_SOURCE=str(source))
        env |= {
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime",
        }
        subprocess.run(["bash", ROOT / "hooks/build"], env=env, check=True, capture_output=True)
        said.append(subprocess.check_output([folder / "out/usr/bin/depends"], text=True).strip())
    assert said == ["one", "one", "two"]
    counted = subprocess.check_output(
        ["ccache", "--print-stats"], env={"PATH": os.environ["PATH"], "CCACHE_DIR": str(cache)},
        text=True,
    )  # fmt: skip
    stats = dict(line.split("\t") for line in counted.splitlines())
    assert (stats["direct_cache_hit"], stats["cache_miss"]) == ("1", "2")


def test_nothing_is_set_unless_the_recipe_wants_it(tmp_path: Path) -> None:
    assert set(flags(tmp_path).values()) == {""}
    assert flags(tmp_path, CFLAGS="-O1", CC="x") == dict.fromkeys(NAMES, "") | {
        "CFLAGS": "-O1",
        "CC": "x",
    }


def test_hardening_has_the_flags_of_debian_and_what_the_recipe_says_comes_last(
    tmp_path: Path,
) -> None:
    made = flags(tmp_path, PDBUILD_HARDENING="ON", CXXFLAGS="-O1 -Iä", LDFLAGS="-Wl,-z,lazy")
    assert made["CXXFLAGS"].startswith("-g -O2 ") and made["CXXFLAGS"].endswith(" -O1 -Iä")
    for flag in ("-fstack-protector-strong", "-Werror=format-security", "-ffile-prefix-map=/src=."):
        assert flag in made["CFLAGS"].split() and flag in made["CXXFLAGS"].split()
    assert made["CFLAGS"].count("-prefix-map=") == 1
    assert "-D_FORTIFY_SOURCE=" in made["CPPFLAGS"]
    assert made["LDFLAGS"].split()[-1] == "-Wl,-z,lazy"
    assert {"-Wl,-z,relro", "-Wl,-z,now"} <= set(made["LDFLAGS"].split())


def test_a_release_has_its_own_optimization(tmp_path: Path) -> None:
    made = flags(tmp_path, PDBUILD_HARDENING="ON", compiler_release="yes")
    assert not {"-O2", "-g"} & set(made["CFLAGS"].split())
    assert "-g1" in made["CFLAGS"].split()


def test_nvcc_makes_the_same_again(tmp_path: Path) -> None:
    made = flags(tmp_path, CUDA_HOME="/usr/local/cuda", NVCC_APPEND_FLAGS="-lineinfo")
    assert made["NVCC_APPEND_FLAGS"] == "--objdir-as-tempdir -lineinfo"


def test_nvcc_hands_on_what_it_can(tmp_path: Path) -> None:
    made = flags(tmp_path, PDBUILD_HARDENING="ON", CUDAFLAGS="-lineinfo")["CUDAFLAGS"]
    host, own = made.split(" ", 1)
    assert host.startswith("-Xcompiler=-f") and own == "-lineinfo"
    assert "-fstack-protector-strong" in host and "-ffile-prefix-map=/src=." in host
    assert "FORTIFY" not in made and "-W" not in made


def test_a_debugger_finds_the_source_where_it_is(tmp_path: Path) -> None:
    made = flags(tmp_path, PDBUILD_HARDENING="ON", PDBUILD_PATHS="keep")["CFLAGS"]
    assert "-fmacro-prefix-map=/src=." in made and "-ffile-prefix-map" not in made


@pytest.mark.parametrize(
    ("compiler", "cc", "cxx"),
    [("clang", "clang", "clang++"), ("gcc", "gcc", "g++"), ("default", "ccache cc", "")],
)
def test_a_compiler(compiler: str, cc: str, cxx: str, tmp_path: Path) -> None:
    made = flags(tmp_path, PDBUILD_COMPILER=compiler, CC="ccache cc")
    assert (made["CC"], made["CXX"]) == (cc, cxx)


def test_a_launcher_stands_once(tmp_path: Path) -> None:
    if not shutil.which("ccache"):
        pytest.skip("NOT RUN: no ccache on this host")
    for given in ({}, {"CC": "cc"}, {"CC": "ccache cc"}):
        assert flags(tmp_path, "compiler_launched", **given)["CC"] == "ccache cc"
    none = flags(tmp_path, "compiler_launched", CC="ccache cc", PDBUILD_LAUNCHER="none")
    assert (none["CC"], none["CXX"]) == ("cc", "c++")
    assert flags(tmp_path, "compiler_bare", CC="ccache cc")["CC"] == "cc"


def test_a_linker(tmp_path: Path) -> None:
    assert flags(tmp_path, PDBUILD_LINKER="mold", LDFLAGS="-s")["LDFLAGS"] == "-fuse-ld=mold -s"
    assert flags(tmp_path, PDBUILD_LINKER="default")["LDFLAGS"] == ""


def test_twice_is_once(tmp_path: Path) -> None:
    """A script of the project's own, which has them, may call a hook that sources it again."""
    wanted = {"PDBUILD_HARDENING": "ON", "PDBUILD_LINKER": "lld", "CFLAGS": "-O1"}
    once = flags(tmp_path, **wanted)
    assert flags(tmp_path, '. "$0"', **wanted) == once


def test_without_the_program_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "grep", "sed"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    with pytest.raises(subprocess.CalledProcessError) as error:
        flags(tmp_path, PDBUILD_HARDENING="ON", PATH=str(tmp_path / "bin"))
    assert '"dpkg-dev"' in error.value.stderr and "hardening = false" in error.value.stderr


@pytest.mark.parametrize("hook", ["build", "build-make", "build-meson"])
def test_programs_are_hardened(hook: str, tmp_path: Path) -> None:
    """The linker's flags are in the program, the compiler's in its commands."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    needs = {
        "build": ("cmake", "ninja"),
        "build-make": ("make",),
        "build-meson": ("meson", "ninja"),
    }
    missing = [name for name in ("cc", *needs[hook]) if not shutil.which(name, path=path)]
    if missing:
        pytest.skip(f"NOT RUN: {hook} needs {', '.join(missing)} on this host")
    source = tmp_path / "source"
    source.mkdir()
    (source / "x.c").write_text('#include <stdio.h>\nint main(void) { puts(__FILE__ "!"); }\n')
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x C)\nadd_executable(x x.c)\n"
        "install(TARGETS x)\n"
    )
    (source / "meson.build").write_text(
        "project('x', 'c')\nexecutable('x', 'x.c', install: true)\n"
    )
    (source / "Makefile").write_text(
        "x: x.c\n\t$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o x x.c\n"
        "install: x\n\tinstall -D x $(DESTDIR)$(PREFIX)/bin/x\n"
    )
    wanted = {"PDBUILD_SOURCE": str(source), "PDBUILD_HARDENING": "ON", "PATH": path}
    ran = subprocess.run(
        ["bash", ROOT / "hooks" / hook],
        env=environment(tmp_path, **wanted), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    program = tmp_path / "out/usr/bin/x"
    assert "BIND_NOW" in subprocess.check_output(["readelf", "-d", program], text=True)
    said = subprocess.check_output([program], text=True)
    assert not said.startswith("/")
    if hook != "build-make":
        (command,) = json.loads((tmp_path / "tree/compile_commands.json").read_text())
        words = command["command"].split()
        assert "-fstack-protector-strong" in words and "-O3" in words and "-O2" not in words
        assert any(word.startswith("-D_FORTIFY_SOURCE=") for word in words)
