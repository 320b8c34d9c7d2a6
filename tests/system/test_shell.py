"""`pdbuild shell` as an ordinary user: who one is, what one finds, gdb, and failed steps."""

import os
import pty
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from .project import BUILDKIT_MOSTLY, Project, give


def test_a_command_runs_in_the_dev_image_as_the_caller_in_the_same_folder(hello: Project) -> None:
    script = "id -u; id -un; pwd; cat /etc/debian_version; command -v cmake; touch by-shell"
    argv = [hello.program, "shell", "--", "sh", "-c", script]
    done = hello.user.run(argv, cwd=hello.root / "src", timeout=120)
    assert done.returncode == 0, done.stderr
    uid, name, folder, version, cmake = done.stdout.split()
    assert (uid, name) == (str(hello.user.uid), hello.user.name)
    assert folder == "/hello/src"
    assert version.startswith("13")
    assert cmake == "/usr/bin/cmake"
    written = hello.root / "src/by-shell"
    assert written.stat().st_uid == hello.user.uid
    written.unlink()


def test_the_exit_code_and_the_input_are_passed_on(hello: Project) -> None:
    assert hello.pdbuild("shell", "--", "sh", "-c", "exit 7").returncode == 7
    assert hello.pdbuild("shell", "no-such-program").returncode == 127
    argv = [hello.program, "shell", "cat"]
    done = hello.user.run(argv, cwd=hello.root, input="a\nb\n", timeout=60)
    assert done.stdout == "a\nb\n"


def test_a_shell_on_a_terminal_remembers_what_was_typed(hello: Project) -> None:
    typed = "echo seen-$((40 + 2))"
    said = on_a_terminal(hello, [f"{typed}\n", "exit 3\n"], ["shell"], code=3)
    assert "seen-42" in said
    assert f"{hello.user.name}@hello-dev" in said
    kept = hello.succeeds("shell", "--", "sh", "-c", "cat ~/.bash_history; stat -c %u ~")
    assert typed in kept
    assert kept.split()[-1] == str(hello.user.uid)


def on_a_terminal(project: Project, lines: list[str], words: list[str], *, code: int) -> str:
    """Type lines, each when the shell has prompted for it; all that the terminal showed."""
    main, inner = pty.openpty()
    process = subprocess.Popen(
        [project.program, *words],
        cwd=project.root,
        env=project.user.env | {"TERM": "xterm"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        user=project.user.uid,
        group=project.user.uid,
        extra_groups=[],
        start_new_session=True,
    )
    os.close(inner)
    said = ""
    for line in lines:
        before = len(said)
        while not re.search(r"[$#] (\x1b\[[0-9;?]*\w)*$", said[before:]):
            said += os.read(main, 4096).decode(errors="replace")
        os.write(main, line.encode())
    while True:
        try:
            data = os.read(main, 4096)
        except OSError:  # the other side is closed
            break
        said += data.decode(errors="replace")
    os.close(main)
    assert process.wait(60) == code, said
    return said


def test_dotfiles_are_those_of_the_folder_that_is_named(hello: Project) -> None:
    folder = hello.user.home / "dots"
    for name, text in ((".bashrc", "alias hi='echo hi-there'\n"), (".inputrc", ""), ("no", "")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    give(hello.user, folder)
    look = ("--", "bash", "-ic", "hi; ls -A ~")
    said = hello.succeeds("shell", "--dotfiles", str(folder), *look)
    assert "hi-there" in said and ".inputrc" in said and "\nno\n" not in said
    said = hello.succeeds("shell", *look[:-1], "ls -A ~", env={"PDBUILD_DOTFILES": str(folder)})
    assert ".inputrc" in said
    # Not named any more: gone, and the home is as it was.
    assert ".inputrc" not in hello.succeeds("shell", "--", "ls", "-A", f"/home/{hello.user.name}")
    wrong = hello.pdbuild("shell", "--dotfiles", "nowhere", "true")
    assert wrong.returncode == 2 and "there is no such folder" in wrong.stderr


def test_gdb_stops_at_a_breakpoint_and_attaches(hello: Project) -> None:
    script = """
cd /tmp
printf 'int f(int x) { return x + 1; }\nint main(void) { return f(41) - 42; }\n' >g.c
gcc -g -O0 g.c -o g
gdb -q -batch -ex 'break f' -ex run -ex 'print x' ./g
sleep 60 & gdb -q -batch -p $! -ex 'info threads'
"""
    done = hello.pdbuild("shell", "--", "bash", "-c", script)
    said = done.stdout + done.stderr
    assert "Breakpoint 1, f (x=41)" in said and "$1 = 41" in said
    # Neither is possible with what podman allows by itself.
    assert "disabling address space randomization" not in said
    assert "Operation not permitted" not in said
    assert "* 1 " in said


def test_ports(hello: Project) -> None:
    done = hello.pdbuild("shell", "-p", "8080", "true")
    assert done.returncode == 0 and "shares this machine's network" in done.stderr
    wrong = hello.pdbuild("shell", "-p", "http", "true")
    assert wrong.returncode == 2 and "not PORT" in wrong.stderr


def test_x11_is_the_callers_display(hello: Project) -> None:
    script = "echo $DISPLAY; cat $XAUTHORITY"
    cookie = hello.written("cookie", "the cookie")
    env = {"DISPLAY": ":7", "XAUTHORITY": str(cookie)}
    said = hello.succeeds("shell", "--x11", "--", "sh", "-c", script, env=env)
    assert said == ":7\nthe cookie"
    none = hello.pdbuild("shell", "--x11", "true")
    assert none.returncode == 2 and "DISPLAY is not set" in none.stderr


BROKEN = """#!/bin/bash
set -euo pipefail
echo "building $GREETING in $PDBUILD_TREE"
echo kept >"$PDBUILD_TREE/left-by-build"
cc -c "$PDBUILD_SOURCE/src/broken.c" -o /tmp/broken.o
mkdir -p "$PDBUILD_OUTPUT$PDBUILD_PREFIX"
"""


@pytest.mark.parametrize("engine", BUILDKIT_MOSTLY)
def test_the_command_that_a_failure_prints_leads_to_the_step(greet: Project, engine: str) -> None:
    greet.written("ci/build.sh", BROKEN)
    greet.written("src/broken.c", "int f(void) { return undeclared; }\n")
    words = ["bake", "binaries-french", f"--engine={engine}"]
    failed = greet.pdbuild(*words)
    assert failed.returncode == 1
    hint = re.search(r"^hint: (pdbuild shell .*)$", failed.stderr, re.MULTILINE)
    assert hint, failed.stderr
    printed = shlex.split(hint[1])[1:]
    assert printed[:3] == ["shell", "--at", "binaries-french"]

    # The step fails there as it did, with its environment, mounts and caches.
    again = greet.pdbuild(*printed, "--", "/run/pdbuild/step")
    assert again.returncode == 1
    assert "building fr in /build" in again.stdout
    assert "undeclared (first use" in again.stderr
    script = "cat /build/left-by-build; ls /out; env; ls -A /tmp; touch /src/no; touch /build/yes"
    seen = greet.pdbuild(*printed, "--", "sh", "-c", script)
    assert "kept" in seen.stdout
    assert "CFLAGS=-O2 -g" in seen.stdout and "TARGETARCH=" in seen.stdout
    assert "broken.o" not in seen.stdout
    assert "Read-only file system" in seen.stderr and "/build/yes" not in seen.stderr
    # The source is the caller's own: once mended there, the step passes here too.
    greet.written("src/broken.c", "int f(void) { return 0; }\n")
    assert greet.pdbuild(*printed, "--", "/run/pdbuild/step").returncode == 0
    scratch = list((greet.user.home / ".cache/pdbuild").glob("debug-*"))
    assert scratch == []


def test_where_nothing_fails_there_is_nowhere_to_go(greet: Project) -> None:
    done = greet.pdbuild("shell", "--at", "binaries-english", "true")
    assert done.returncode == 2
    assert "binaries-english builds: no step of it fails" in done.stderr
    group = greet.pdbuild("shell", "--at", "binaries", "true")
    assert group.returncode == 2 and "that is a group" in group.stderr


def test_the_home_is_each_checkouts_own(hello: Project) -> None:
    homes = list((hello.user.home / ".local/share/pdbuild/homes").iterdir())
    assert [h.name.rpartition("-")[0] for h in homes].count("hello") == 1
    assert all(Path(h).stat().st_mode & 0o077 == 0 for h in homes)
