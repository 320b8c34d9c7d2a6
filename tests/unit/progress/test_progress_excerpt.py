"""What of a step's output tells why it failed: real words of real tools."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from progress_bits import log, vertex

from pdbuild.progress import Solve, report
from pdbuild.progress.excerpt import MOST, Errors, Excerpt


def excerpt(text: str, *last: str) -> Excerpt:
    errors = Errors()
    for line in text.splitlines():
        errors.feed(line)
    return errors.excerpt(last)


NOISE = "".join(
    f"""\
/src/other.c: In function 'noise{number}':
/src/other.c:{number}:9: warning: unused variable 'unused{number}' [-Wunused-variable]
  {number} |     int unused{number};
      |         ^~~~~~~
"""
    for number in range(1, 61)
)


def among_noise(text: str) -> Excerpt:
    """The excerpt of a text with screens of warnings before and after it."""
    return excerpt(f"[1/9] Building C object x.o\n{NOISE}{text}\n{NOISE}")


def check(text: str, more: int = 0) -> None:
    """All of a text is found among the noise, and nothing else is shown."""
    assert among_noise(text) == Excerpt(tuple(text.rstrip().splitlines()), more)


def test_gcc() -> None:
    check("""\
In file included from /src/a.h:3,
                 from /src/a.c:1:
/src/b.h: In function 'f':
/src/b.h:3:10: error: 'undeclared' undeclared (first use in this function)
    3 |   return undeclared;
      |          ^~~~~~~~~~""")
    check("/src/a.c:1:10: fatal error: nowhere.h: No such file or directory\n    1 | #include <n>")


def test_clang() -> None:
    check("""\
/src/a.cc:3:10: error: use of undeclared identifier 'x'
  return x;
         ^""")


def test_nvcc() -> None:
    check("""\
/src/a.cu(3): error: identifier "undeclared" is undefined
    return undeclared;
           ^""")
    check("nvcc fatal   : Unsupported gpu architecture 'compute_1'")


def test_linkers() -> None:
    check("""\
/usr/bin/ld: a.o: in function `main':
a.c:(.text+0x5): undefined reference to `missing'""")
    check("/usr/bin/ld: cannot find -lnowhere: No such file or directory")
    check("""\
ld.lld: error: undefined symbol: missing
>>> referenced by a.c
>>>               a.o:(main)""")


def test_cmake() -> None:
    check("""\
CMake Error at CMakeLists.txt:3 (find_package):
  By not providing "FindNowhere.cmake" in CMAKE_MODULE_PATH this project has
  asked CMake to find a package configuration file provided by "Nowhere",

  but CMake did not find one.""")


def test_what_cmake_ran() -> None:
    """The program's own words, and not CMake's progress; also where a script looks at its code."""
    ran = """\
CMake Error at CMakeLists.txt:3 (execute_process):
  execute_process failed command indexes:

    1: "Child return code: 1\""""
    wrote = "touch: cannot touch '/src/made.h': Read-only file system"
    asked = "generate: no such table: x"
    found = "-- Detecting C compiler - done"
    assert excerpt(f"{found}\n{wrote}\n{ran}\n\n\n{found}").lines == (wrote, *ran.split("\n"))
    assert excerpt(f"{found}\n{asked}\n{ran}\n\n\n{found}").lines == (asked, *ran.split("\n"))
    message = "CMake Error at CMakeLists.txt:5 (message):\n  no table"
    assert excerpt(f"{wrote}\n{found}\n{message}\n").lines == (wrote, *message.split("\n"))


def test_meson_configure_apt() -> None:
    check('meson.build:3:0: ERROR: Dependency "nowhere" not found, tried pkgconfig and cmake')
    check("checking for nowhere... no\nconfigure: error: nowhere is needed")
    check("E: Unable to locate package nowhere")
    check("tar: usr/lib/x.so: Cannot write: No space left on device")
    check("""\
Need to get 102 MB of archives.
After this operation, 404 MB of additional disk space will be used.
E: You don't have enough free space in /run/apt/cache/archives/.""")


def test_a_traceback_is_whole_and_the_last_one_counts() -> None:
    first = "Traceback (most recent call last):\n  File 'x', line 1\nValueError: first\n"
    last = """\
Traceback (most recent call last):
  File "/src/setup.py", line 3, in <module>
    raise RuntimeError("no")
RuntimeError: no"""
    assert among_noise(first + last).lines == tuple(last.splitlines())
    # As pip shows it, of a program of its own.
    check("\n".join(f"      {line}" for line in last.splitlines()))


def test_a_long_traceback_loses_its_middle() -> None:
    frames = "".join(f'  File "/src/a.py", line {n}, in f\n    f()\n' for n in range(40))
    shown = among_noise(f"Traceback (most recent call last):\n{frames}RecursionError: deep").lines
    assert shown[0] == "Traceback (most recent call last):"
    assert shown[-1] == "RecursionError: deep"
    assert "  … 71 lines" in shown
    assert len(shown) == 12


def test_a_real_traceback() -> None:
    code = "import json\ntry:\n    json.loads('x')\nexcept ValueError:\n    {}['key']\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    shown = among_noise(done.stderr).lines
    assert shown[0].startswith("Traceback ")
    assert shown[-1] == "KeyError: 'key'"


def test_tests_that_fail() -> None:
    check("""\
>       assert one == 2
E       assert 1 == 2
E        +  where 1 = f()""")
    text = """\
1/2 Test #1: adds .............................***Failed    0.00 sec
adds: expected 3
got 4"""
    assert among_noise(f"{text}\n\n").lines == tuple(text.splitlines())


def test_what_follows_from_an_error_stands_beside_it_when_there_is_room() -> None:
    text = """\
FAILED: a.o
/src/a.c:3:10: error: 'x' undeclared
ninja: build stopped: subcommand failed."""
    assert among_noise(text).lines == tuple(text.splitlines()[:2])
    many = "\n".join(f"/src/a.c:{n}:1: error: no {n}" for n in range(30))
    shown = among_noise(f"FAILED: a.o\n{many}\nmake: *** [Makefile:1: a.o] Error 1")
    assert shown.lines == tuple(many.splitlines()[:MOST])
    assert shown.more == 10


def test_errors_that_are_the_same_in_every_file_are_one() -> None:
    same = "/src/a.h:1:1: error: no\n"
    assert excerpt(same * 50) == Excerpt(("/src/a.h:1:1: error: no",), 0)


def test_an_error_without_end_is_no_longer_than_the_excerpt() -> None:
    hundreds = "\n".join(f"/src/a.c:{n}:1: error: no {n}" for n in range(500))
    assert excerpt(hundreds).more == 500 - MOST


def test_what_may_be_an_error_is_shown_with_the_last_lines() -> None:
    text = "error: perhaps\n" + "".join(f"{n}\n" for n in range(50)) + "the reason"
    last = ("45", "46", "47", "48", "49", "the reason")
    assert excerpt(text) == Excerpt(("error: perhaps", *last))


def test_nothing_recognised_shows_the_last_lines() -> None:
    numbers = [str(n) for n in range(50)]
    assert excerpt("\n".join(numbers)) == Excerpt(tuple(numbers[-15:]), 0)
    # What stderr said last, which was overtaken by a burst of the other stream.
    assert excerpt("\n".join(numbers), "49", "lost").lines[-2:] == ("49", "lost")
    assert excerpt("") == Excerpt()


def test_warnings_alone_are_no_errors() -> None:
    assert excerpt(NOISE + "cc1: all warnings being treated as errors").more == 0


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What ninja prints of six files with sixty warnings each, of which one has an error."""
    if not (shutil.which("ninja") and shutil.which("gcc")):
        pytest.skip("NOT RUN: needs ninja and gcc")
    folder = tmp_path_factory.mktemp("parallel")
    rules = "rule cc\n  command = gcc -Wall -c $in -o $out\n"
    for letter in "abcdef":
        unused = "".join(f"void {letter}{n}(void) {{ int unused{n}; }}\n" for n in range(60))
        broken = "int broken(void) { return undeclared; }\n" if letter == "c" else ""
        (folder / f"{letter}.c").write_text(broken + unused)
        rules += f"build {letter}.o: cc {letter}.c\n"
    (folder / "build.ninja").write_text(rules)
    environ = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(["ninja"], cwd=folder, env=environ, capture_output=True, check=False)
    assert done.returncode == 1
    return done.stdout


def test_the_one_error_among_the_warnings_of_six_files(parallel: bytes, tmp_path: Path) -> None:
    solve = Solve(("cpu",))
    solve.feed(vertex("a", '[build 2/3] RUN ["bash", "-c", "build"]', 1))
    for start in range(0, len(parallel), 1000):  # as it comes: cut anywhere
        solve.feed(log("a", parallel[start : start + 1000]))
    error = 'process "x" did not complete successfully: exit code: 1'
    solve.feed(vertex("a", '[build 2/3] RUN ["bash", "-c", "build"]', 1, 2, error=error))
    text = report(solve.failures()[0], command="x")
    assert "c.c:1:27: error: 'undeclared' undeclared" in text
    assert "  | FAILED: " in text
    assert "return undeclared;" in text
    assert "warning" not in text
    assert len(text.splitlines()) <= 12
