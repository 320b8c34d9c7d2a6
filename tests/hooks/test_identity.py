"""What decides objects empties the tree that has them, and nothing else does: by the real hooks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "tests" / "recipes"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A project that a hook builds: where it is, what that needs, the name of an object that
    `argument` matters to, and what it was before.
    """

    source: str
    needs: tuple[str, ...]
    object: str
    before: str
    argument: str


SAMPLES = {
    "build": Sample(
        source="hello", needs=("cmake", "ninja"), object="*.o",
        before="-DLOUD=OFF", argument="-DLOUD=ON",
    ),
    "build-make": Sample(
        source="make", needs=("make",), object="greet", before="CFLAGS=-O2", argument="CFLAGS=-O1"
    ),
    "build-autotools": Sample(
        source="make", needs=("make",), object="greet", before="--no", argument="--with-x"
    ),
    "build-meson": Sample(
        source="meson", needs=("meson", "ninja"), object="*chime.c.o",
        before="-Dloud=false", argument="-Dloud=true",
    ),
    "build-own": Sample(
        source="make", needs=("make",), object="greet", before="GREETING=en", argument="GREETING=fr"
    ),
}  # fmt: skip
HOOKS = tuple(SAMPLES)
# autoconf takes seconds to write one.
CONFIGURE = """#!/bin/sh
cp -r "$(dirname "$0")"/Makefile "$(dirname "$0")"/src .
printf 'install-strip: install\\n' >>Makefile
sed -i "s|^PREFIX.*|PREFIX = /usr|; s|^CFLAGS.*|CFLAGS = $CFLAGS -DX=\\"$*\\"|" Makefile
"""


class Build:
    """A copy of a sample project, a copy of the hooks, tools of its own, and a tree."""

    def __init__(self, hook: str, folder: Path) -> None:
        self.hook, self.sample = hook, SAMPLES[hook]
        self.folder = folder
        self.source, self.hooks = folder / "source", folder / "hooks"
        self.tree, self.root = folder / "tree", folder / "root"
        self.words = [self.sample.before]
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PDBUILD_SOURCE": str(self.source),
            "PDBUILD_TREE": str(self.tree),
            "PDBUILD_OUTPUT": str(folder / "out"),
            "PDBUILD_PREFIX": "/usr",
            "PDBUILD_LAUNCHER": "none",
            "VERSION": "1.0",
            "tree_root": str(self.root),
        }
        shutil.copytree(RECIPES / self.sample.source, self.source)
        if hook == "build-autotools":
            (self.source / "configure").write_text(CONFIGURE)
            (self.source / "configure").chmod(0o755)
        shutil.copytree(ROOT / "hooks", self.hooks)
        for name in ("opt/tool", "opt/pip/one-1.0.dist-info", "usr/local", "var/lib/dpkg", "etc"):
            (self.root / name).mkdir(parents=True)
        self.status = self.root / "var/lib/dpkg/status"
        self.status.write_text("Package: gcc\nVersion: 14\n")
        (self.root / "etc/debian_version").write_text("13.1\n")
        (self.root / "opt/tool/tool").write_text("1")

    def run(self) -> str:
        """Build; what the hook said on stderr."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        own = [self.source / "ci/build.sh"] if self.hook == "build-own" else []
        ran = subprocess.run(
            ["bash", self.hooks / self.hook, *own, *self.words],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stderr

    def compiled(self) -> int:
        """When the object was compiled."""
        return next(self.tree.rglob(self.sample.object)).stat().st_mtime_ns


def _build(hook: str, folder: Path) -> Build:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    missing = [name for name in ("cc", *SAMPLES[hook].needs) if not shutil.which(name, path=path)]
    if missing:
        pytest.skip(f"NOT RUN: {hook} needs {', '.join(missing)} on this host")
    return Build(hook, folder)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("/usr", ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var"]),
        ("/opt/tally", ["--prefix=/opt/tally"]),
    ],
)
def test_configure_is_told_debians_places(prefix: str, words: list[str], tmp_path: Path) -> None:
    """With Debian's prefix; the recipe's own words come last, and so have the last say."""
    build = _build("build-autotools", tmp_path)
    build.environment["PDBUILD_PREFIX"] = prefix
    build.words = ["--sysconfdir=/srv"]
    build.run()
    flags = next(x for x in (build.tree / "build/Makefile").read_text().splitlines() if "-DX" in x)
    assert flags.partition('-DX="')[2] == " ".join([*words, '--sysconfdir=/srv"'])


@pytest.mark.parametrize("hook", HOOKS)
def test_what_changes_objects_and_what_does_not(hook: str, tmp_path: Path) -> None:
    """The same again compiles nothing; another flag in the environment compiles everything.

    An argument is told to the build system; what it changes is compiled, and nothing else.
    """
    build = _build(hook, tmp_path)
    build.environment["CFLAGS"] = "-O1"
    build.run()
    first = build.compiled()
    # None of these is a compiler's business.
    build.environment |= {"HOME": "/", "TERM": "xterm", "PDBUILD_JOBS": "1", "HOSTNAME": "other"}
    build.environment["TRACEPARENT"] = "00-of-another-bake"
    build.environment["PDBUILD_BOUND"] = "of other content"
    build.environment |= {"SOURCE_DATE_EPOCH": "1700000000", "CCACHE_DIR": str(tmp_path / "cache")}
    assert "note: " not in build.run()
    assert build.compiled() == first
    build.environment["CFLAGS"] = "-O2"
    assert "this has changed: the environment\n" in build.run()
    second = build.compiled()
    assert second > first
    build.words = [build.sample.argument]
    assert "note: " not in build.run()
    # A script of the project's own does with its arguments what it wants.
    assert (build.compiled() > second) == (hook != "build-own")


def _comment(build: Build) -> None:
    with (build.hooks / "build-make").open("a") as hook:
        hook.write("# another\n")


CHANGES: dict[str, tuple[Callable[[Build], object], str]] = {
    "a package": (
        lambda build: build.status.write_text("Package: gcc\nVersion: 15\n"),
        "the installed packages",
    ),
    "a base": (
        lambda build: (build.root / "etc/debian_version").write_text("13.2\n"),
        "root/etc/debian_version",
    ),
    "a Python package of a block": (
        lambda build: (build.root / "opt/pip/one-1.0.dist-info").rename(
            build.root / "opt/pip/one-2.0.dist-info"
        ),
        "one-2.0.dist-info",
    ),
    "a tool that a block compiled": (
        lambda build: os.utime(build.root / "opt/tool/tool", (1, 1)),
        "root/opt/tool/tool",
    ),
    "a tool in /usr/local": (
        lambda build: (build.root / "usr/local/cc").write_text("x"),
        "root/usr/local/cc",
    ),
    "the hook": (
        _comment,
        "hooks/build-make",
    ),
    "a compiler": (
        lambda build: build.environment.update(PDBUILD_COMPILER="gcc"),
        "the environment",
    ),
    "a variable of the recipe": (
        lambda build: build.environment.update(ANSWER="42"),
        "the environment",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_of_them(change: str, tmp_path: Path) -> None:
    build = _build("build-make", tmp_path)
    build.run()
    first = build.compiled()
    does, said = CHANGES[change]
    does(build)
    assert f"{said}\n" in build.run()
    assert build.compiled() > first
    second = build.compiled()
    assert "note: " not in build.run()
    assert build.compiled() == second


@pytest.mark.parametrize("hook", ["build", "build-make", "build-own"])
def test_a_version(hook: str, tmp_path: Path) -> None:
    """make may have it in a command and cannot see that; the others do not start anew for it."""
    build = _build(hook, tmp_path)
    build.run()
    first = build.compiled()
    build.environment["VERSION"] = "1.1"
    build.run()
    assert (build.compiled() > first) == (hook == "build-make")


def test_an_argument_that_ends_is_forgotten(tmp_path: Path) -> None:
    """CMake remembers what it was told."""
    build = _build("build", tmp_path)
    commands = build.tree / "compile_commands.json"
    build.run()
    without = commands.read_text()
    build.words = [build.sample.before, "-DCMAKE_CXX_FLAGS=-O1"]
    build.run()
    assert commands.read_text() != without
    build.words = [build.sample.before]
    build.run()
    assert commands.read_text() == without


@pytest.mark.parametrize(("hook", "name"), [("build-make", "Makefile"), ("build-own", "Makefile")])
def test_a_flag_in_a_makefile(hook: str, name: str, tmp_path: Path) -> None:
    """No object depends on the file that says how it is made."""
    build = _build(hook, tmp_path)
    build.run()
    first = build.compiled()
    file = build.source / name
    file.write_text(file.read_text().replace("CFLAGS = -O2", "CFLAGS = -O1"))
    assert f"source/./{name}\n" in build.run()
    assert build.compiled() > first


def test_an_option_that_is_an_argument_is_no_environment(tmp_path: Path) -> None:
    build = _build("build-own", tmp_path)
    build.environment |= {"PDBUILD_ARGUED": "OTHER GREETING", "GREETING": "en"}
    build.run()
    build.environment["GREETING"], build.words = "fr", ["GREETING=fr"]
    assert "note: " not in build.run()
    build.environment["PDBUILD_ARGUED"] = "OTHER"
    assert "this has changed: the environment" in build.run()


def test_a_script_that_installs_elsewhere_is_told(tmp_path: Path) -> None:
    build = _build("build-own", tmp_path)
    script = build.source / "ci/build.sh"
    script.write_text('mkdir -p "$PDBUILD_OUTPUT/elsewhere"\n')
    said = r"ci/build.sh installed nothing below \$PDBUILD_OUTPUT\$PDBUILD_PREFIX"
    with pytest.raises(AssertionError, match=said):
        build.run()


def test_a_script_of_the_projects_own(tmp_path: Path) -> None:
    """Its text counts; and it may call pdbuild's hooks, which take its tree as their own."""
    build = _build("build-own", tmp_path)
    build.run()
    first = build.compiled()
    script = build.source / "ci/build.sh"
    script.write_text(script.read_text() + "# another\n")
    assert "ci/build.sh" in build.run()
    assert build.compiled() > first

    if not shutil.which("cmake"):
        pytest.skip("NOT RUN: no cmake on this host")
    shutil.copytree(RECIPES / "hello", build.source, dirs_exist_ok=True)
    script.write_text('bash "$PDBUILD_HOOKS/build" -DLOUD=ON "$@"\n')
    build.run()
    said = subprocess.check_output([build.folder / "out/usr/bin/hello"], text=True)
    assert said.startswith("HELLO, WORLD")
    assert "note: " not in build.run()


def test_a_tree_is_emptied_after_a_kill_while_it_was(tmp_path: Path) -> None:
    """What says how a tree was made is written when it is made anew, not before."""
    build = _build("build-make", tmp_path)
    build.run()
    build.environment["CFLAGS"] = "-O1"
    path = build.environment["PATH"]
    find = tmp_path / "bin" / "find"
    find.parent.mkdir()
    real = f'exec {shutil.which("find")} "$@"'
    find.write_text(f'#!/bin/bash\ncase "$*" in *-exec*) kill -9 $PPID ;; esac\n{real}\n')
    find.chmod(0o755)
    build.environment["PATH"] = f"{find.parent}:{path}"
    with pytest.raises(AssertionError):
        build.run()
    build.environment["PATH"] = path
    assert "this has changed: the environment" in build.run()
