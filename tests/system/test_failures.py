"""What goes wrong while a bake runs: what is said, what is kept, and that nothing is left."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import Project, left_over

SLOW = """#!/bin/bash
set -euo pipefail
echo "compiling $GREETING"
if [ "$GREETING" = fr ]; then
    exec sleep 600
fi
make -C "$PDBUILD_SOURCE" O="$PDBUILD_TREE" PREFIX="$PDBUILD_PREFIX" GREETING="$GREETING" \\
    DESTDIR="$PDBUILD_OUTPUT" install
"""


def nothing_is_left(project: Project) -> None:
    """No process of the user's, no mount, no lock, no scratch folder."""
    assert left_over(project.user) == []
    assert not [p.name for p in (project.root / "build").glob(".pdbuild-*")]


def read_until(process: "subprocess.Popen[str]", pattern: str) -> str:
    """What the process says on stderr, up to the line that matches."""
    said = ""
    assert process.stderr
    for line in process.stderr:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"{pattern!r} was never said:\n{said}")


@pytest.fixture
def slow(greet: Project) -> Iterator[Project]:
    """A project whose variant `french` never finishes compiling."""
    greet.written("ci/build.sh", SLOW)
    yield greet
    nothing_is_left(greet)


def test_a_failing_step_is_named_with_its_first_errors(greet: Project) -> None:
    greet.written("src/main.c", "int main(void) { return undeclared; }\n")
    done = greet.pdbuild("bake", "binaries")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    report = done.stderr[done.stderr.index("error: binaries-") :]
    assert re.match(r"error: binaries-english.*failed \(exit code 2\): RUN .*build\.sh", report)
    assert "|" in report
    assert "undeclared (first use" in report
    assert re.search(r"^\s*hint: pdbuild .*binaries-english", report, re.MULTILINE)
    log = re.search(r"all of its output: (\S+)", report)
    assert log
    assert "undeclared (first use" in Path(log[1]).read_text()
    assert "undeclared (first use" in greet.succeeds("log", "binaries-english")
    nothing_is_left(greet)
    hint = re.search(r"hint: (pdbuild bake .*)", report)
    if hint:
        again = greet.pdbuild(*hint[1].split()[1:])
        assert again.returncode == 1
        assert "undeclared (first use" in again.stderr


def test_keep_going_finishes_the_others_and_says_what_failed(greet: Project) -> None:
    # Only French fails: its header has a mistake.
    greet.written("src/fr.h", "#error pas possible\n")
    done = greet.pdbuild("bake", "binaries", "debs", "--keep-going")
    assert done.returncode == 1
    assert "pas possible" in done.stderr
    assert (greet.root / "build/english/bin/greet").exists()
    assert (greet.root / "build/greet-1.2.0.deb").exists()
    assert not (greet.root / "build/french").exists()
    nothing_is_left(greet)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bake_stops_at_once_and_keeps_what_is_done(
    slow: Project, number: signal.Signals
) -> None:
    process = slow.start("bake", "binaries", "--progress=plain")
    read_until(process, r"compiling fr")
    began = time.monotonic()
    process.send_signal(number)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in rest
    assert time.monotonic() - began < 15
    nothing_is_left(slow)
    # What was finished is in the cache: English is not compiled again.
    done = slow.pdbuild("bake", "binaries-english", "--progress=plain")
    assert done.returncode == 0, done.stderr
    assert "compiling en" not in done.stderr
    assert (slow.root / "build/english/bin/greet").exists()


def test_a_killed_pdbuild_leaves_nothing_and_the_next_goes_on(slow: Project) -> None:
    process = slow.start("bake", "binaries", "--progress=plain")
    read_until(process, r"compiling fr")
    process.kill()
    process.communicate(timeout=30)
    nothing_is_left(slow)
    slow.written("ci/build.sh", SLOW.replace("exec sleep 600", ":"))
    assert slow.pdbuild("bake", "binaries").returncode == 0


@pytest.mark.parametrize("program", ["buildkitd", "buildx", "rootlesskit"])
def test_a_killed_program_of_the_engine_is_reported(slow: Project, program: str) -> None:
    process = slow.start("bake", "binaries-french", "--progress=plain")
    read_until(process, r"compiling fr")
    running = [line for line in slow.user.processes() if f"/bin/{program} " in line]
    assert running
    for line in running:
        with contextlib.suppress(ProcessLookupError):  # it went with its parent
            os.kill(int(line.split()[0]), signal.SIGKILL)
    out, rest = process.communicate(timeout=60)
    assert process.returncode == 1, out + rest
    assert "error: " in rest
    assert "Traceback" not in rest


def test_two_bakes_share_one_daemon(slow: Project) -> None:
    first = slow.start("bake", "binaries-french", "--progress=plain")
    read_until(first, r"compiling fr")
    daemons = {line for line in slow.user.processes() if "buildkitd --root" in line}
    second = slow.pdbuild("bake", "binaries-english")
    assert second.returncode == 0, second.stderr
    assert {line for line in slow.user.processes() if "buildkitd --root" in line} == daemons
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)


def test_missing_engines_are_said_before_any_work(greet: Project) -> None:
    elsewhere = {"PDBUILD_DATA_DIR": f"{greet.root}/empty"}
    done = greet.pdbuild("bake", "--engine=buildkit", env=elsewhere)
    assert done.returncode == 1
    assert "buildx is needed to run a bake file" in done.stderr
    assert "hint: run: pdbuild engines install" in done.stderr
    assert not (greet.root / "build").exists()


def test_mistakes_in_a_recipe_come_all_at_once(greet: Project) -> None:
    text = (greet.root / "pdbuild.toml").read_text()
    greet.written("pdbuild.toml", text.replace("blocks", "blocs").replace('"1.2.0"', "12"))
    done = greet.pdbuild("bake")
    assert done.returncode == 1
    assert re.search(r"error: pdbuild\.toml:\d+: project\.version: ", done.stderr)
    assert re.search(r"error: pdbuild\.toml:\d+: toolchain\.blocs: ", done.stderr)
    assert "did you mean" in done.stderr


def test_a_dependency_that_nobody_has_fails_with_its_name(greet: Project) -> None:
    text = (greet.root / "pdbuild.toml").read_text()
    greet.written("pdbuild.toml", text.replace("[package]", '[package]\ndepends = ["no-such-one"]'))
    done = greet.pdbuild("bake", "images")
    assert done.returncode == 1
    assert "no-such-one" in done.stderr


def test_sources_that_dockerignore_leaves_out_are_named(greet: Project) -> None:
    greet.written(".dockerignore", "# what no image needs\nsrc\n")
    done = greet.pdbuild("bake", "binaries-english")
    assert done.returncode == 1
    assert re.search(
        r"hint: \S+/\.dockerignore:2: src: the build does not see src/\S+$",
        done.stderr,
        re.MULTILINE,
    ), done.stderr


def test_an_image_over_its_budget_fails(greet: Project) -> None:
    text = (greet.root / "pdbuild.toml").read_text()
    greet.written("pdbuild.toml", text.replace('"60MB"', '"1MB"'))
    done = greet.pdbuild("bake", "image-english")
    assert done.returncode == 1
    assert "more than its budget of 1MB" in done.stderr


def test_a_source_with_an_old_time_is_compiled_all_the_same(greet: Project) -> None:
    hook = (greet.root / "ci/build.sh").read_text()
    guard = '. "$PDBUILD_HOOKS/tree"\n'
    greet.written("ci/build.sh", hook.replace("make -C", f"{guard}make -C"))
    assert greet.pdbuild("bake", "binaries-english").returncode == 0
    library = greet.root / "build/english/lib/libgreet.so.1"
    assert b"Hello" in library.read_bytes()
    header = greet.written("src/en.h", '#pragma once\n#define HELLO "Salut"\n')
    os.utime(header, (1_000_000_000, 1_000_000_000))
    assert greet.pdbuild("bake", "binaries-english").returncode == 0
    assert b"Salut" in library.read_bytes()
