"""How programs are started and what is kept of them, by plumbum and quickly alike."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pdbuild import programs, whales
from pdbuild.errors import EngineError
from pdbuild.programs import Done

Run = Callable[..., Done]


@pytest.fixture(params=[False, True], ids=["plumbum", "quick"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(*words: str | Path, **settings: Any) -> Done:
        return programs.run(*words, quick=request.param, **settings)

    return run


def test_what_it_wrote_is_kept_apart(run: Run) -> None:
    done = run("sh", "-c", "echo out; echo err >&2; printf '\\377\\n'; exit 3")
    assert (done.code, done.out, done.err, done.said) == (3, "out\n\ufffd\n", "err\n", "err")


def test_words_arrive_as_they_are(run: Run, tmp_path: Path) -> None:
    words = ("", "a b", "$HOME", "*", "'", "\n", "é", "--x=y")
    assert run("printf", "%s|", *words, tmp_path).out == "|".join((*words, f"{tmp_path}|"))


def test_there_is_no_input(run: Run) -> None:
    assert run("cat").out == ""


def test_the_environment_is_all_of_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_TEST_X", "here")
    assert "PDBUILD_TEST_X=here" in run("env").out
    given = {"PATH": os.environ["PATH"], "A": "b"}
    assert dict(line.split("=", 1) for line in run("env", env=given).out.splitlines()) == given


def test_a_program_is_looked_for_where_its_environment_says(run: Run, tmp_path: Path) -> None:
    tool = tmp_path / "pdbuild-test-tool"
    tool.write_text("#!/bin/sh\necho it is me in $PWD\n")
    tool.chmod(0o755)
    with pytest.raises(programs.NotInstalled, match="pdbuild-test-tool is not installed"):
        run("pdbuild-test-tool")
    there = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert run("pdbuild-test-tool", env=there, cwd=Path("/usr")).out == "it is me in /usr\n"
    assert run(tool).out == f"it is me in {Path.cwd()}\n"


def test_one_that_does_not_end_is_ended(run: Run, tmp_path: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; exec sleep 60"
    with pytest.raises(programs.NoAnswer, match=r"sh: no answer within 0\.3 seconds"):
        run("sh", "-c", script, timeout=0.3)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_one_that_a_signal_ended(run: Run) -> None:
    assert run("sh", "-c", "kill -9 $$").code == -signal.SIGKILL


def test_one_that_cannot_be_started(run: Run, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/no/such/interpreter\n")
    tool.chmod(0o755)
    with pytest.raises(EngineError, match="tool cannot be started: No such file"):
        run(tool)


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        ("", "", "exit code 1"),
        ("a\n\n", "", "a"),
        ("a", "b\nfatal: c\n \n", "c"),
        ("", "Error: no such thing", "no such thing"),
    ],
)
def test_its_last_words(out: str, err: str, said: str) -> None:
    assert Done(code=1, out=out, err=err).said == said


def test_a_failure_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"^cannot count: one$"):
        programs.ran("sh", "-c", "echo one >&2; exit 1", failing="cannot count")
    assert programs.ran("echo", "one", failing="") == "one\n"


TOLD = """
import os, sys
from pathlib import Path
from pdbuild import programs, whales
programs.tell()
programs.run("true", "a b")
programs.run("true", quick=True)
os.environ["PDBUILD_DEBUG"] = "1"
programs.run("true", "a b")
programs.run("true", "https://ann:secret@example.org/x", quick=True)
with whales.client("true", "--flag") as client:
    client.image.tag("a", "b")
os.waitpid(os.posix_spawn("/bin/true", ["true", "spawned"], os.environ), 0)
os.execv("/bin/true", ["true", "became"])
"""


def test_every_way_to_start_a_program_is_told() -> None:
    seen = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    told = [line.removeprefix("+ ").replace("/usr", "") for line in seen.stderr.splitlines()]
    assert told == [
        "/bin/true 'a b'",
        "true https://…@example.org/x",
        "/bin/true --flag image tag a b",
        "true spawned",
        "true became",
    ]


def test_python_on_whales_fails_as_we_do(tmp_path: Path) -> None:
    tool = tmp_path / "podman"
    tool.write_text('#!/bin/sh\necho one >&2; echo "Error: no $A $*" >&2; exit 125\n')
    tool.chmod(0o755)
    with (
        pytest.raises(EngineError, match=r"^podman: no b --x image tag c d$"),
        whales.client(tool, "--x", env={**os.environ, "A": "b"}) as client,
    ):
        client.image.tag("c", "d")
    assert "A" not in os.environ
    with (
        pytest.raises(EngineError, match=r"^pdbuild-none is not installed$"),
        whales.client("pdbuild-none") as client,
    ):
        client.image.tag("c", "d")
