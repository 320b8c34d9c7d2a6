"""The shell of the hooks that runs on a host as it does in a step."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HOOKS = Path(__file__).parents[3] / "hooks"
AGO = 1_600_000_000


class Tree:
    """A source and a build tree, and a build that keeps what it compiled."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.tree = folder / "tree"
        self.source.mkdir()
        self.folder = folder
        self.environment = {
            **os.environ,
            "PDBUILD_SOURCE": str(self.source),
            "PDBUILD_TREE": str(self.tree),
            "PDBUILD_OUTPUT": str(folder / "out"),
            "PDBUILD_PREFIX": "/usr",
            "tree_root": str(folder),  # what this host has in /usr/local is no matter
        }

    def put(self, name: str, text: str = "1", when: float | None = None) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if when is not None:
            os.utime(path, ns=(int(when * 1e9),) * 2)

    def start(self, script: str, tool: str = "make") -> subprocess.Popen[str]:
        words = ["bash", "-euo", "pipefail", "-c", f'. "$0"; {script}', str(HOOKS / "tree")]
        return subprocess.Popen(
            words, env=self.environment | {"tree_tool": tool}, text=True,
            stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        )  # fmt: skip

    def build(self, script: str = ":", tool: str = "make", code: int = 0) -> bool:
        """Build; whether what an earlier build had left was still there."""
        with self.start(f'ls "$PDBUILD_TREE"; touch "$PDBUILD_TREE/object"; {script}', tool) as ran:
            out, _ = ran.communicate()
        assert ran.returncode == code
        return "object" in out.split()

    def ended(self, when: float) -> None:
        """As if the last build had ended then."""
        for name in (".pdbuild-ended", ".pdbuild-times"):
            os.utime(self.tree / name, ns=(int(when * 1e9),) * 2)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path)
    made.put("a.c", when=AGO)
    made.put("sub/b.c", when=AGO)
    return made


def test_an_unchanged_source_keeps_the_tree(tree: Tree) -> None:
    assert not tree.build()
    assert tree.build()


def test_an_unchanged_source_keeps_ninjas_tree(tree: Tree) -> None:
    assert not tree.build(tool="ninja")
    assert tree.build(tool="ninja")


KEEPS: dict[str, Callable[[Tree], object]] = {
    "edited since": lambda tree: tree.put("a.c", "2", AGO + 101),
    "a new file": lambda tree: tree.put("c.c", "new", AGO + 101),
    "a removed file": lambda tree: (tree.source / "sub/b.c").unlink(),
    "git's own files": lambda tree: tree.put(".git/index", "x", AGO - 1),
    "byte code": lambda tree: tree.put("sub/__pycache__/x.pyc", "x", AGO - 1),
    "a virtual environment": lambda tree: tree.put(".venv/bin/python", "x", AGO - 1),
    "an editor's file": lambda tree: tree.put(".a.c.swp", "x", AGO - 1),
}

EMPTIES: dict[str, Callable[[Tree], object]] = {
    "older, other size": lambda tree: tree.put("a.c", "22", AGO - 1),
    "older, same size": lambda tree: tree.put("a.c", "2", AGO - 1),
    "newer than its last, older than the build": lambda tree: tree.put("a.c", "2", AGO + 50),
    "a new file with an old time": lambda tree: tree.put("c.c", "new", AGO - 1),
    "another checkout": lambda tree: [tree.put(n, "x", AGO - 9) for n in ("a.c", "sub/b.c")],
    "no record": lambda tree: (tree.tree / ".pdbuild-times").unlink(),
}


@pytest.mark.parametrize("case", KEEPS)
@pytest.mark.parametrize("tool", ["make", "ninja"])
def test_what_times_tell(case: str, tool: str, tree: Tree) -> None:
    """make and ninja see these by themselves."""
    tree.build(tool=tool)
    tree.ended(AGO + 100)
    KEEPS[case](tree)
    assert tree.build(tool=tool)


@pytest.mark.parametrize("case", EMPTIES)
@pytest.mark.parametrize("tool", ["make", "ninja"])
def test_what_times_do_not_tell(case: str, tool: str, tree: Tree) -> None:
    """They would take the old objects for new ones."""
    tree.build(tool=tool)
    tree.ended(AGO + 100)
    EMPTIES[case](tree)
    assert not tree.build(tool=tool)
    assert tree.build(tool=tool)


def test_an_edit_in_the_second_in_which_the_build_ended(tree: Tree) -> None:
    """Edited at .5 while make ran until .9: what it compiled may be the older text."""
    tree.build()
    tree.ended(AGO + 100.9)
    tree.put("a.c", "2", AGO + 100.5)
    assert not tree.build()
    tree.ended(AGO + 200.5)
    tree.put("a.c", "3", AGO + 200.9)
    assert tree.build()


def test_an_edit_while_ninja_ran(tree: Tree) -> None:
    """ninja compares with the time at which a compile began, make with when it ended."""
    tree.build(tool="ninja")
    os.utime(tree.tree / ".pdbuild-times", (AGO + 100, AGO + 100))
    os.utime(tree.tree / ".pdbuild-ended", (AGO + 200, AGO + 200))
    tree.put("a.c", "2", AGO + 150)
    assert tree.build(tool="ninja")
    os.utime(tree.tree / ".pdbuild-ended", (AGO + 300, AGO + 300))
    tree.put("a.c", "3", AGO + 250)
    assert not tree.build(tool="make")


def test_a_build_that_failed_ended_too(tree: Tree) -> None:
    tree.build("exit 7", code=7)
    assert (tree.tree / ".pdbuild-ended").exists()
    assert tree.build()


def test_a_killed_build_has_no_end(tree: Tree) -> None:
    tree.build("kill -9 $$", code=-9)
    assert not (tree.tree / ".pdbuild-ended").exists()
    assert tree.build()
    tree.build("kill -9 $$", code=-9)
    tree.put("a.c", "2")  # now: it may have been read before
    os.utime(tree.source / "a.c", (AGO + 50, AGO + 50))
    assert not tree.build()


def test_odd_names_are_sources_too(tree: Tree) -> None:
    for name in ("with space.c", "é.c", "'quote\".c", "-dash.c", "sub/$HOME.c"):
        tree.put(name, when=AGO)
    assert not tree.build()
    assert tree.build()
    tree.put("with space.c", "2", AGO - 1)
    assert not tree.build()


def test_two_builds_take_turns(tree: Tree) -> None:
    with tree.start("echo in; read -r _") as first:
        assert first.stdout and first.stdin
        assert first.stdout.readline() == "in\n"
        with tree.start("echo in") as second:
            blocked = subprocess.run(["flock", "-n", str(tree.tree / ".pdbuild-lock"), "true"])
            assert blocked.returncode == 1 and second.poll() is None
            first.communicate("\n")
            assert second.communicate()[0] == "in\n"


def copied(tree: Tree) -> dict[str, str]:
    tree.build('copy_source "$PDBUILD_TREE/copy"')
    top = tree.tree / "copy"
    return {
        p.relative_to(top).as_posix(): p.read_text()
        for p in sorted(top.rglob("*"))
        if p.is_file() and not p.name.startswith(".pdbuild-")
    }


def test_the_copy_follows_the_source(tree: Tree) -> None:
    """For tools that write beside their sources; `$(wildcard *.c)` sees what is there."""
    assert copied(tree) == {"a.c": "1", "sub/b.c": "1"}
    (tree.tree / "copy/a.o").write_text("object")
    tree.put("a.c", "2")
    tree.put("-new $x.c", "3")
    (tree.source / "sub/b.c").unlink()
    assert copied(tree) == {"a.c": "2", "-new $x.c": "3", "a.o": "object"}
    (tree.source / "a.c").unlink()
    (tree.source / "a.c").symlink_to("-new $x.c")
    assert copied(tree)["a.c"] == "3"
    assert (tree.tree / "copy/a.c").is_symlink()


def test_make_does_not_compile_what_was_removed(tree: Tree) -> None:
    """The whole hook, with a Makefile that takes every file that there is."""
    tree.put(
        "Makefile",
        "all: list\nlist: $(wildcard *.c)\n\techo $^ >list\n"
        "install: all\n\tinstall -D list $(DESTDIR)$(PREFIX)/list\nclean:\n\trm -f list\n",
    )
    tree.put("z.c")
    for expected in ("a.c z.c", "a.c"):
        subprocess.run(["bash", HOOKS / "build-make"], env=tree.environment, check=True, stdout=-3)
        assert (tree.folder / "out/usr/list").read_text().strip() == expected
        (tree.source / "z.c").unlink(missing_ok=True)
        tree.put("a.c", "newer")


@pytest.mark.parametrize("name", ["PDBUILD_SOURCE", "PDBUILD_TREE", "PDBUILD_OUTPUT"])
def test_a_missing_variable_is_named(name: str, tree: Tree) -> None:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PDBUILD_")}
    environment |= {
        n: str(tree.folder) for n in ("PDBUILD_SOURCE", "PDBUILD_OUTPUT", "PDBUILD_PREFIX")
    } | {"PDBUILD_TREE": str(tree.tree)}
    del environment[name]
    ran = subprocess.run(
        ["bash", "-c", '. "$0"; echo on', str(HOOKS / "tree")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode and name in ran.stderr and not ran.stdout


def entrypoint(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ["sh", HOOKS / "entrypoint", *words],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_entrypoint_runs_a_python_program_without_x_bit(tmp_path: Path) -> None:
    program = tmp_path / "my program.py"
    program.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n")
    program.chmod(0o644)
    ran = entrypoint(str(program), "a b", "", "-x", HOME=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (7, "['a b', '', '-x']\n")


def test_the_entrypoint_passes_commands_on(tmp_path: Path) -> None:
    ran = entrypoint("sh", "-c", 'echo "$@" $HOME; exit 3', "sh", "a  b", HOME=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (3, f"a  b {tmp_path}\n")
    assert entrypoint("no-such-command").returncode == 127


def test_the_entrypoint_finds_a_home() -> None:
    assert entrypoint("sh", "-c", "echo $HOME").stdout == "/tmp\n"
    assert entrypoint("sh", "-c", "echo $HOME", HOME="/proc/none").stdout == "/tmp\n"
    assert entrypoint("sh", "-c", "echo $HOME", HOME="/proc").stdout == "/tmp\n" or not os.getuid()


def test_the_entrypoint_replaces_itself() -> None:
    """Signals must reach the program itself."""
    ran = entrypoint("sh", "-c", "cat /proc/$$/comm; echo $PPID")
    assert ran.stdout == f"sh\n{os.getpid()}\n"
