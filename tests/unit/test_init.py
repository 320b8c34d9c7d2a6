"""The recipe that `pdbuild init` writes loads and plans, whatever the folder and the user."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pdbuild import proposal, shipped
from pdbuild.cli import main
from pdbuild.errors import UsageError
from pdbuild.plan.types import Request
from pdbuild.proposal import write
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve

EXAMPLE = Path(__file__).parents[2]


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """git's configuration: nobody yet."""
    path = tmp_path / "gitconfig"
    path.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)  # no repository, whose own configuration would count
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return path


def init(folder: Path) -> Path:
    return write(folder)[0]


def project(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_text("")
    return folder


def loaded(folder: Path) -> Recipe:
    path = init(folder)
    assert path == folder / "pdbuild.toml"
    recipe = load(path, blocks_dir=shipped.toolchain_dir(), hooks_dir=shipped.hooks_dir())
    targets = {t.name for t in resolve(recipe, Request()).targets}
    assert targets >= {"dev", *(f"binaries-{variant}" for variant in recipe.variants)}
    assert ("rootfs" in targets) == (recipe.image is not None)
    return recipe


BUILDS = {
    "cmake": (("CMakeLists.txt", "Makefile"), "build", "cmake"),
    "make": (("Makefile",), "build-make", "make"),
    "gnu make": (("GNUmakefile",), "build-make", "make"),
    "make, lower case": (("makefile",), "build-make", "make"),
    "autotools": (("configure.ac", "Makefile"), "build-autotools", "automake"),
    "meson": (("meson.build", "configure.ac"), "build-meson", "meson"),
    "autotools, unpacked": (("configure", "Makefile.in"), "build-autotools", "make"),
}


@pytest.mark.parametrize("case", BUILDS)
def test_the_recipe_loads(case: str, identity: Path, tmp_path: Path) -> None:
    files, hook, tool = BUILDS[case]
    recipe = loaded(project(tmp_path / "my-tool", *files))
    assert (recipe.project.name, recipe.build.hook) == ("my-tool", hook)
    packages = {*recipe.toolchain.packages, *(p for block in recipe.blocks for p in block.apt)}
    assert tool in packages and "gcc" in packages
    assert recipe.package and recipe.package.maintainer == "Nobody <nobody@localhost.localdomain>"


NAMES = {
    "My_Project": "my-project",
    "Foo  (copy 2)": "foo-copy-2",
    "foo..bar": "foo-bar",
    "foo.-bar": "foo-bar",
    "v1.2": "v1.2",
    "-x-y-": "x-y",
    "libstdc++": "libstdc",
    "c": "project",
    "Ünï": "project",
    "日本": "project",
    '"quoted"\\': "quoted",
    "{braces}": "braces",
    "a" * 150: "project",
    "new\nline": "new-line",
}


@pytest.mark.parametrize("name", NAMES)
def test_odd_folder_names(name: str, identity: Path, tmp_path: Path) -> None:
    recipe = loaded(project(tmp_path / name, "Makefile"))
    assert recipe.project.name == NAMES[name]
    assert recipe.image and recipe.image.command == (NAMES[name],)


MAINTAINERS = {
    ("Ada Lovelace", "ada@example.org"): "Ada Lovelace <ada@example.org>",
    ("Zoë O'Brien", "zoe@example.org"): "Zoë O'Brien <zoe@example.org>",
    ('Ada "the\\ first"', "ada@example.org"): "Ada the first <ada@example.org>",
    ("A <b> C", "a@example.org"): "A b C <a@example.org>",
    ("Ada\tL", "ada@example.org"): "AdaL <ada@example.org>",
    ("Ada", "no address"): "Nobody <nobody@localhost.localdomain>",
    ("Ada", "ada"): "Nobody <nobody@localhost.localdomain>",
    ("", "ada@example.org"): "Nobody <nobody@localhost.localdomain>",
    ("{name} %s ${x}", "a@b"): "{name} %s ${x} <a@b>",
}


@pytest.mark.parametrize("who", MAINTAINERS)
def test_odd_identities(who: tuple[str, str], identity: Path, tmp_path: Path) -> None:
    for key, value in zip(("user.name", "user.email"), who, strict=True):
        subprocess.run(["git", "config", "-f", identity, key, value], check=True)
    recipe = loaded(project(tmp_path / "tool", "Makefile"))
    assert recipe.package and recipe.package.maintainer == MAINTAINERS[who]


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("squares-1.2.3", "squares", "1.2.3"),
        ("My_Thing-v2.0", "my-thing", "2.0"),
        ("squares", "squares", "0.1.0"),
        ("qt5-5.15", "qt5", "5.15"),
    ],
)
def test_a_folder_that_is_not_in_git(
    folder: str, name: str, version: str, identity: Path, tmp_path: Path
) -> None:
    here = tmp_path / folder
    here.mkdir()
    about = proposal.identity(here, "")
    assert (about.name, about.version) == (name, version)
    assert about.described.startswith("guess")
    assert proposal.identity(here, "7.8").version == "7.8"


def test_without_git(identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert loaded(project(tmp_path / "tool", "Makefile")).package


@pytest.mark.parametrize("kind", ["file", "folder", "link to nothing"])
def test_it_does_not_overwrite(kind: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "tool", "Makefile")
    path = folder / "pdbuild.toml"
    match kind:
        case "file":
            path.write_text("mine")
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="already"):
        init(folder)
    assert not (tmp_path / "elsewhere").exists()
    assert kind != "file" or path.read_text() == "mine"


def test_nothing_to_build(tmp_path: Path) -> None:
    (tmp_path / "Makefile").mkdir()
    with pytest.raises(UsageError, match=r"no CMakeLists.txt, meson.build, .* in ") as caught:
        init(tmp_path)
    assert caught.value.hint
    assert not (tmp_path / "pdbuild.toml").exists()


SQUARES = """
cmake_minimum_required(VERSION 3.20)
project(Squares VERSION 1.2 DESCRIPTION "squares numbers." LANGUAGES CXX)
option(WITH_CUDA "kernels" OFF)
option(USE_AVX2 "instructions" ON)
option(SQUARES_NATIVE "for this machine" ON)
option(SQUARES_TESTS "" ON)
option(SQUARES_TLS "" OFF)
find_package(ZLIB REQUIRED)
if(WITH_CUDA)
  target_link_libraries(squares CUDA::cudart CUDA::cublas)
  find_package(NUMA REQUIRED)
endif()
find_package(Nobodys 3 REQUIRED)
if(SQUARES_TLS)
  find_package(OpenSSL REQUIRED)
endif()
if(SOMETHING_FOUND)
  find_package(Boost)
endif()
if(SQUARES_TESTS)
  find_package(GTest REQUIRED)
endif()
add_executable(squares a.cc)
install(TARGETS squares)
"""


def test_what_a_cmake_project_says(
    identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text alone gives options, variants, blocks and packages; guesses are marked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = project(tmp_path / "squares")
    (folder / "CMakeLists.txt").write_text(SQUARES)
    (folder / "LICENSE").write_text("Permission is hereby granted, free of charge, to any")
    recipe = loaded(folder)
    assert recipe.project.version == "1.2"
    assert {n: (o.default, o.cmake) for n, o in recipe.options.items() if o.cmake} == {
        "GPU": ("OFF", "WITH_CUDA"), "AVX": ("ON", "USE_AVX2"), "TEST": ("OFF", "SQUARES_TESTS"),
    }  # fmt: skip
    assert {n: v.options for n, v in recipe.variants.items()} == {
        "cpu": {"GPU": "OFF", "AVX": "ON"}, "cpu-noavx": {"GPU": "OFF", "AVX": "OFF"},
        "gpu": {"GPU": "ON", "AVX": "ON"}, "gpu-noavx": {"GPU": "ON", "AVX": "OFF"},
    }  # fmt: skip
    assert recipe.default_variant == "cpu"
    assert recipe.toolchain.blocks == ("gcc", "cmake", "ccache", "python", "nvcc")
    assert recipe.toolchain.packages == (
        "zlib1g-dev",
        "libnuma-dev",
        "libgtest-dev",
        "libgmock-dev",
    )
    assert recipe.build.arguments == ("-DSQUARES_NATIVE=OFF",)
    assert recipe.build.develop == {"TEST": "ON"}
    assert recipe.package
    assert (recipe.package.description, recipe.package.license) == ("squares numbers", "MIT")
    assert recipe.image and recipe.image.command == ("squares",)
    # What its programs are linked with comes by what the package depends on.
    assert recipe.image.packages == ()
    assert "additions-cpu" in {stage.name for stage in resolve(recipe, Request()).stages}
    lines = (folder / "pdbuild.toml").read_text().splitlines()
    guesses = [line.partition("guess: ")[2] for line in lines if "guess: " in line]
    assert "for the tests: GTest" in guesses
    assert "add the package that brings Nobodys" in guesses
    assert "a package must run on other processors too" in guesses
    assert any(line.startswith('    # "libboost-dev"') for line in lines)
    assert '# SQUARES_TLS = { default = "OFF", cmake = "SQUARES_TLS" }' in lines
    assert "# Note: it links cublas, which the block nvcc does not bring." in lines
    assert "libssl-dev" not in "".join(lines)


@pytest.mark.parametrize("run", [True, False], ids=["asked", "text"])
def test_the_example(run: bool, identity: Path, tmp_path: Path) -> None:
    """What is proposed for the example is near the recipe that it has."""
    folder = Path(shutil.copytree(EXAMPLE / "examples/paddle", tmp_path / "paddle"))
    path, survey = write(folder, run=run)
    assert run == (survey.facts.how == "CMake's file API") or not shutil.which("cmake")
    blocks, hooks = shipped.toolchain_dir(), shipped.hooks_dir()
    recipe = load(path, blocks_dir=blocks, hooks_dir=hooks)
    own = load(EXAMPLE / "recipes/paddle.toml", blocks_dir=blocks, hooks_dir=hooks)
    assert {o.cmake: o.default for o in recipe.options.values()} == {
        o.cmake: o.default for o in own.options.values()
    }
    assert [v.options for v in recipe.variants.values()] == [
        v.options for v in own.variants.values()
    ]
    assert {"gcc", "cmake", "ccache", "python", "nvcc"} == set(recipe.toolchain.blocks)
    assert set(own.toolchain.packages) <= set(recipe.toolchain.packages)
    assert (recipe.build.first, recipe.build.develop) == (own.build.first, own.build.develop)
    assert recipe.image and recipe.image.command == ("paddle",)


@pytest.mark.parametrize("words", [["init"], ["init", "--text"]], ids=" ".join)
def test_text_alone_runs_nothing(
    words: list[str],
    identity: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = project(tmp_path / "tool", "Makefile.in")
    (folder / "configure").write_text(
        f"touch {tmp_path}/ran; echo --prefix; echo '  --enable-x  y'"
    )
    monkeypatch.chdir(folder)
    assert main(words) == 0
    assert (tmp_path / "ran").exists() == (words == ["init"])
    by = "configure --help" if words == ["init"] else "the text of configure"
    assert f"pdbuild.toml is written, from {by}\n" in capsys.readouterr().out
    assert ("enable-x" in (folder / "pdbuild.toml").read_text()) == (words == ["init"])


def test_a_python_project(identity: Path, tmp_path: Path) -> None:
    """What a wheel is built by are blocks and packages; what it runs with is depended on."""
    folder = project(tmp_path / "parcel", "CMakeLists.txt")
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["scikit-build-core", "pybind11"]\n'
        'build-backend = "scikit_build_core.build"\n'
        '[project]\nname = "parcel"\nversion = "2.1"\ndependencies = ["numpy>=1"]\n'
        '[project.scripts]\nparcel = "parcel:main"\n'
    )
    recipe = loaded(folder)
    assert recipe.build.hook == "build-python"
    assert {"gcc", "cmake", "python", "scikit-build"} <= set(recipe.toolchain.blocks)
    assert recipe.toolchain.packages == ("pybind11-dev", "python3-pybind11")
    assert recipe.package and recipe.package.depends == ("python3", "python3-numpy")
    assert recipe.image and recipe.image.command == ("parcel",)
    assert recipe.build.develop == {"TEST": "ON"}
