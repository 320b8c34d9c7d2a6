"""Compile commands for the host, from CMake's: paths, options, search paths."""

import itertools
import json

import pytest

from pdbuild.editor import database
from pdbuild.editor.database import Compile, Places, Probe, Search

GCC = Search(front=("/usr/include/c++/14",), own=("/gcc",), back=("/usr/include",), machine="m")
PLACES = Places(folders=(("/build", "/home/me/p/build/dev"), ("/p", "/home/me/p")), sysroot="/sys")


def command(words: str, file: str = "/p/a.cc", directory: str = "/build") -> Compile:
    entry = {"directory": directory, "file": file, "command": words}
    (read,) = database.read(json.dumps([entry]))
    return read


def on_host(words: str, file: str = "/p/a.cc") -> list[str]:
    made = database.for_host(command(words, file), GCC, PLACES, "/sys/cuda.h")
    return list(made.arguments)


@pytest.mark.parametrize(
    ("words", "compiler"),
    [
        ("/usr/bin/ccache /usr/bin/g++ -c a.cc", "/usr/bin/g++"),
        ("sccache distcc g++ -c a.cc", "g++"),
        ("g++ -c a.cc", "g++"),
        ("ccache", "ccache"),
    ],
)
def test_a_launcher_is_taken_off(words: str, compiler: str) -> None:
    assert command(words).arguments[0] == compiler


def test_paths_of_the_project_become_the_hosts_and_those_of_the_image_the_sysroots() -> None:
    made = on_host(
        "g++ -I/p/include -I ../gen -isystem /opt/x/include -include /p/all.h -c /p/a.cc"
    )
    pairs = list(itertools.pairwise(made))
    assert ("-I", "/home/me/p/include") in pairs
    assert ("-I", "/sys/gen") in pairs  # /build/../gen
    assert ("-isystem", "/sys/opt/x/include") in pairs
    assert ("-include", "/home/me/p/all.h") in pairs
    assert made[-1] == "/home/me/p/a.cc"
    assert made.count("/home/me/p/a.cc") == 1


def test_what_is_written_is_no_matter_and_what_gcc_alone_knows_goes() -> None:
    made = on_host("g++ -O2 -fPIC -MD -MT a.o -MF a.d -fno-gnu-unique -o a.o -oa.o -c /p/a.cc")
    assert "-O2" in made and "-fPIC" in made
    assert not {"-o", "-oa.o", "a.o", "-MD", "-MT", "-MF", "a.d", "-c", "-fno-gnu-unique"} & set(
        made
    )


def test_the_compilers_own_headers_come_last_for_clang_has_its_own() -> None:
    made = on_host("g++ -c /p/a.cc")
    folders = [w for w in made if w.startswith("/sys")]
    assert folders == ["/sys/usr/include/c++/14", "/sys/usr/include", "/sys/gcc"]
    assert made[made.index("/sys/gcc") - 1] == "-idirafter"
    assert made[made.index("/sys/usr/include/c++/14") - 1] == "-isystem"


def test_c_is_c_and_cxx_is_cxx() -> None:
    assert on_host("gcc -c /p/a.c", "/p/a.c")[0] == "clang"
    assert "-nostdinc++" not in on_host("gcc -c /p/a.c", "/p/a.c")
    assert on_host("g++ -c /p/a.cc")[:1] == ["clang++"]


def test_cuda_keeps_what_says_how_to_read_and_nothing_of_nvccs_own() -> None:
    made = on_host(
        "ccache nvcc -ccbin g++ -std=c++17 -DN=1 -I/p/include -Xcompiler=-fPIC -gencode "
        "arch=compute_80,code=sm_80 -rdc=true -x cu -c /p/k.cu -o k.o",
        "/p/k.cu",
    )
    assert {"-std=c++17", "-DN=1", "/home/me/p/include", "--cuda-host-only", "/sys/cuda.h"} <= set(
        made
    )
    assert not [w for w in made if "gencode" in w or "Xcompiler" in w or "rdc" in w or w == "cu"]


def test_compilers_are_asked_with_the_options_that_matter() -> None:
    assert database.probe(command("ccache g++ -m32 -O2 -c /p/a.cc")) == Probe(
        "c++", "g++", ("-m32",)
    )
    cuda = database.probe(command("nvcc -ccbin /usr/bin/c++ -O3 -c /p/k.cu", "/p/k.cu"))
    assert cuda == Probe("cuda", "nvcc", ("-ccbin", "/usr/bin/c++"))


def test_cuda_files_that_nobody_compiles_take_the_nearest_files_options() -> None:
    commands = [
        command("g++ -I/p/far -c /p/x/a.cc", "/p/x/a.cc"),
        command("g++ -I/p/near -c /p/k/b.cc", "/p/k/b.cc"),
    ]
    *_, added = database.with_files(commands, ["/p/k/k.cu"], "nvcc")
    assert added.language == "cuda"
    assert "/p/near" in added.arguments and "/p/far" not in added.arguments
    again = database.with_files([*commands, added], ["/p/k/k.cu"], "nvcc")
    assert len(again) == 3


def test_a_header_takes_the_options_of_a_file_that_finds_it() -> None:
    commands = [
        command("gcc -I/p/src -c /p/include/t.c", "/p/include/t.c"),
        command("g++ -I/p/include -DSEEN -c /p/src/a.cc", "/p/src/a.cc"),
    ]
    *_, added = database.with_files(commands, ["/p/include/x/x.h"], "nvcc")
    assert "-DSEEN" in added.arguments and added.language == "c++"
    *_, alone = database.with_files(commands, ["/p/other/y.h"], "nvcc")
    assert alone.file == "/p/other/y.h"


def test_the_images_folders_that_commands_name() -> None:
    commands = [command("g++ -I/p/include -isystem /opt/x -include /opt/y.h -c /p/a.cc")]
    assert database.system_folders(commands, PLACES) == ("/opt/x",)


def test_a_search_path_as_the_hook_writes_it() -> None:
    found = database.parse_search(["/c++", "=", "/own", "/usr/include"], "x86")
    assert found == Search(front=("/c++",), own=("/own",), back=("/usr/include",), machine="x86")
