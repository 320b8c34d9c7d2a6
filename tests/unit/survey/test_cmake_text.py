"""CMakeLists.txt is read as CMake reads it, as far as a text can tell."""

from pathlib import Path

import pytest

from pdbuild.survey import cmake
from pdbuild.survey.conditions import Conditions
from pdbuild.survey.facts import Facts
from pdbuild.survey.scan import commands

KNOWN = {"ON_ONE": "ON", "OFF_ONE": "OFF", "NAME": "Linux", "EMPTY": "", "N": "10"}
CONDITIONS = {
    "ON_ONE": True,
    "OFF_ONE": False,
    "NOT OFF_ONE": True,
    "NOBODYS": False,
    "SOMEBODYS": None,
    "NOT SOMEBODYS": None,
    "ON_ONE AND SOMEBODYS": None,
    "OFF_ONE AND SOMEBODYS": False,
    "ON_ONE OR SOMEBODYS": True,
    "(OFF_ONE OR ON_ONE) AND NOT (OFF_ONE)": True,
    'NAME STREQUAL "Linux"': True,
    '"${NAME}" STREQUAL "Windows"': False,
    'NAME MATCHES "^(Li|Da)"': True,
    'SOMEBODYS STREQUAL "x"': None,
    "N GREATER 9": True,
    "${N} VERSION_LESS 9.1": False,
    "DEFINED ON_ONE": True,
    "DEFINED NOBODYS": False,
    "NOT DEFINED SOMEBODYS": None,
    "TARGET fmt::fmt": None,
    "POLICY CMP0074": True,
    "ZLIB_FOUND": None,
    "${SOMEBODYS}": None,
    '"ON"': True,
    "": None,
    "AND OR": None,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions(text: str) -> None:
    (command,) = commands(f"if({text})")
    assert Conditions(KNOWN, {"SOMEBODYS"}).value(command.words) is CONDITIONS[text]


def test_the_language() -> None:
    text = r"""
    # a comment with ( in it
    #[==[ a long
      one ) ]==] SET(A "two
words" bare;list [[raw ${x}
]] "quo\"ted" $<IF:$<BOOL:1>,a,b>) # behind
    if((A) AND (B)) endif()
    message("unfinished
    """
    found = list(commands(text))
    assert [command.name for command in found] == ["set", "if", "endif"]
    assert found[0].texts == (
        "A", "two\nwords", "bare;list", "raw ${x}\n", 'quo"ted', "$<IF:$<BOOL:1>,a,b>",
    )  # fmt: skip
    assert found[1].texts == ("(", "A", ")", "AND", "(", "B", ")")


def read(folder: Path, text: str, **others: str) -> Facts:
    (folder / "CMakeLists.txt").write_text(text)
    for name, content in others.items():
        path = folder / name.replace("__", "/")
        path = path if "." in path.name else path / "CMakeLists.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return cmake.read(folder)


def test_a_project(tmp_path: Path) -> None:
    facts = read(
        tmp_path,
        """
        cmake_minimum_required(VERSION 3.20)
        project(squares VERSION 1.2 DESCRIPTION "squares numbers"
                HOMEPAGE_URL "https://squares.example" LANGUAGES CXX)
        option(WITH_GPU "CUDA kernels" OFF)
        option(WITH_TLS "Encrypts" ON)
        set(BACKEND "fast" CACHE STRING "How")
        set_property(CACHE BACKEND PROPERTY STRINGS fast small)
        find_package(Boost 1.70 REQUIRED COMPONENTS filesystem regex)
        if(WITH_GPU)
          enable_language(CUDA)
          find_package(CUDAToolkit REQUIRED)
        endif()
        if(WITH_TLS)
          find_package(OpenSSL REQUIRED)
        else()
          find_package(Nettle REQUIRED)
        endif()
        if(WIN32)
          find_package(Winsock REQUIRED)
        elseif(UNIX)
          find_package(Threads)
        endif()
        find_package(PkgConfig)
        if(PKG_CONFIG_FOUND)
          pkg_check_modules(UV REQUIRED libuv>=1.0)
        endif()
        add_subdirectory(src)
        add_executable(helper helper.cc)
        """,
        src="add_executable(squares a.cc)\n"
        "install(TARGETS squares squares-lib RUNTIME DESTINATION bin)",
    )
    assert (facts.name, facts.version) == ("squares", "1.2")
    assert facts.description == "squares numbers"
    assert facts.homepage == "https://squares.example"
    assert facts.languages == {"CXX"}
    assert facts.programs == ("squares",)
    assert {(c.name, c.values, c.default) for c in facts.choices} == {
        ("WITH_GPU", ("ON", "OFF"), "OFF"),
        ("WITH_TLS", ("ON", "OFF"), "ON"),
        ("BACKEND", ("fast", "small"), "fast"),
    }
    assert [(n.kind, n.name, n.required, n.condition) for n in facts.needs] == [
        ("cmake", "Boost", True, ""),
        ("component", "Boost/filesystem", True, ""),
        ("component", "Boost/regex", True, ""),
        ("cmake", "OpenSSL", True, ""),
        ("cmake", "Threads", False, ""),
        ("cmake", "PkgConfig", False, ""),
        ("pkg-config", "libuv", True, "PKG_CONFIG_FOUND"),
    ]


def test_what_an_option_brings(tmp_path: Path) -> None:
    text = """
    project(x)
    option(X_TESTS "" OFF)
    if(X_TESTS)
      find_package(GTest REQUIRED)
      include(FetchContent)
      FetchContent_Declare(catch GIT_REPOSITORY g)
    endif()
    """
    assert read(tmp_path, text).needs == ()
    on = cmake.read(tmp_path, {"X_TESTS": "ON"})
    assert [need.name for need in on.needs] == ["GTest"]
    assert on.fetches == ("catch",)
    assert {c.default for c in on.choices} == {"ON"}


def test_included_files_and_functions(tmp_path: Path) -> None:
    facts = read(
        tmp_path,
        """
        project(x)
        include(cmake/options.cmake)
        include(deps)
        function(never) find_package(Never REQUIRED) endfunction()
        """,
        **{
            "cmake__options.cmake": "option(X_A a ON)\ninclude(${CMAKE_CURRENT_LIST_DIR}/b.cmake)",
            "cmake__b.cmake": "option(X_B b OFF)",
            "cmake__more__deps.cmake": "find_package(ZLIB REQUIRED)",
        },
    )
    assert [choice.name for choice in facts.choices] == ["X_A", "X_B"]
    assert [need.name for need in facts.needs] == ["ZLIB"]


def test_odd_files(tmp_path: Path) -> None:
    """Neither a cycle nor what is no CMake stops the reading."""
    (tmp_path / "CMakeLists.txt").write_bytes(
        b"project(x)\n\xff\xfe ) endif() else()\ninclude(CMakeLists.txt)\nadd_subdirectory(.)\n"
        b"find_package()\noption()\nset()\noption(A)\ninstall()\nset_property(CACHE)\n"
        b"find_package(ZLIB) if(A AND elseif(B) find_package(Lost)"
    )
    facts = cmake.read(tmp_path)
    assert facts.name == "x"
    assert [choice.name for choice in facts.choices] == ["A"]
    assert [need.name for need in facts.needs] == ["ZLIB"]
