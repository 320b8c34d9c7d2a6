"""Watching a job: its output, its end, and Ctrl-C. The job is a folder that the test writes."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild.errors import EngineError, Interrupted, PdbuildError
from pdbuild.jobs import kept, outputs, watch
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.state import State

RUNNING = State(word="running")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (watch, "_LOOK", 0.01), (watch, "_ASK_FIRST", 0.02), (watch, "_STUCK", 0.1),
        (outputs, "_LATE", 0.05), (outputs, "_LOOK", 0.01),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


def seen(folder: Path, ask: Callable[[], State]) -> outputs.Seen:
    """The job of that folder, which is as `ask` says."""
    made = outputs.of(sent(folder))
    made.ask = ask  # type: ignore[method-assign]
    return made


def sent(folder: Path, number: str = "7") -> Sent:
    return Sent(
        to="slurm", kind="slurm", number=number, folder=str(folder), program="a.py", nodes=2,
        submitted=f"2026-01-0{number[-1]}T00:00:00+00:00",
    )  # fmt: skip


def test_output_comes_as_it_is_written_and_the_code_is_ours(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    states = iter([State(word="pending", why="Priority"), RUNNING, RUNNING])
    lines = iter([b"one\n", b"two \xff\n"])

    def ask() -> State:
        with (tmp_path / "out").open("ab") as out:
            out.write(next(lines, b""))
        (tmp_path / "err").write_bytes(b"note\n")
        return next(states, State(word="failed", ended=True, code=7))

    assert watch.watch(sent(tmp_path), seen(tmp_path, ask), lambda: None) == 7
    out, err = capfdbinary.readouterr()
    assert out == b"one\ntwo \xff\n"
    assert err.startswith(b"slurm-7: pending (Priority)\n") and b"note\n" in err
    assert err.count(b"slurm-7: running\n") == 1


def test_an_end_that_is_not_the_programs_is_an_error(tmp_path: Path) -> None:
    state = State(word="cancelled", ended=True)
    with pytest.raises(PdbuildError, match="slurm-7 was cancelled"):
        watch.watch(sent(tmp_path), seen(tmp_path, lambda: state), lambda: None)


def test_without_a_terminal_an_interrupt_leaves_the_job(tmp_path: Path) -> None:
    def ask() -> State:
        raise KeyboardInterrupt

    cancelled: list[int] = []
    with pytest.raises(Interrupted, match=r"slurm-7 goes on \(pdbuild logs --follow slurm-7"):
        watch.watch(sent(tmp_path), seen(tmp_path, ask), lambda: cancelled.append(1))
    assert not cancelled


def test_a_place_may_be_silent_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[State] = [RUNNING]

    def ask() -> State:
        if answers:
            return answers.pop()
        raise EngineError("no answer")

    monkeypatch.setattr(watch, "_SILENT", 0.2)
    with pytest.raises(EngineError, match="no answer"):
        watch.watch(sent(tmp_path), seen(tmp_path, ask), lambda: None)
    assert capsys.readouterr().err == "slurm-7: running\nslurm-7: not heard of (no answer)\n"
    monkeypatch.setattr(watch, "_SILENT", 60)
    began = time.monotonic()
    with pytest.raises(EngineError, match="no answer"):  # which has never answered
        watch.watch(sent(tmp_path), seen(tmp_path, ask), lambda: None)
    assert time.monotonic() - began < 30


def test_who_may_not_be_asked_cancels(tmp_path: Path) -> None:
    def ask() -> State:
        raise KeyboardInterrupt

    cancelled: list[int] = []
    with pytest.raises(Interrupted, match="slurm-7 is cancelled"):
        watch.watch(sent(tmp_path), seen(tmp_path, ask), lambda: cancelled.append(1), ask=False)
    assert cancelled


def test_a_job_that_cannot_begin_is_cancelled(tmp_path: Path) -> None:
    state = State(word="pending", why="rank 0: ImagePullBackOff: no such image", stuck=True)
    cancelled: list[int] = []
    with pytest.raises(PdbuildError, match="cannot begin, and is cancelled: rank 0: ImagePull"):
        watch.watch(sent(tmp_path), seen(tmp_path, lambda: state), lambda: cancelled.append(1))
    assert cancelled


WATCHER = """
import sys
from pdbuild import cli
from pdbuild.errors import PdbuildError
from pdbuild.jobs import outputs, watch
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.state import State
sent = Sent(to="slurm", kind="slurm", number="7", folder=sys.argv[1], program="", nodes=1,
            submitted="")
seen = outputs.of(sent)
seen.ask = lambda: State(word="running")
try:
    watch.watch(sent, seen, lambda: print("CANCEL"))
except PdbuildError as error:
    print(f"ENDED {error}")
"""


@pytest.mark.parametrize(
    ("answer", "said"),
    [(b"c\n", "slurm-7 is cancelled"), (b"l\n", "slurm-7 goes on")],
)
def test_on_a_terminal_it_asks(tmp_path: Path, answer: bytes, said: str) -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", WATCHER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        read(ours, "slurm-7: running")
        process.send_signal(signal.SIGINT)
        read(ours, "[c]ancel it, [l]eave it alone")
        os.write(ours, b"\n")  # go on
        read(ours, "slurm-7: running")
        process.send_signal(signal.SIGINT)
        read(ours, "[c]ancel it")
        os.write(ours, answer)
        told = read(ours, f"ENDED interrupted; {said}")
        assert ("CANCEL" in told) is (answer == b"c\n")
    os.close(ours)


def read(terminal: int, wanted: str) -> str:
    said, deadline = "", time.monotonic() + 20
    while wanted not in said:
        assert time.monotonic() < deadline, said
        said += os.read(terminal, 1000).decode()
    return said


def test_jobs_are_found_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path))
    assert kept.every() == ()
    for number in ("7", "8"):
        kept.keep(sent(tmp_path, number))
    assert [found.id for found in kept.every()] == ["slurm-8", "slurm-7"]
    assert kept.find("slurm-7") == kept.find("7") == sent(tmp_path, "7")
    with pytest.raises(PdbuildError, match="no job slurm-9 was sent from here"):
        kept.find("slurm-9")
    assert kept.is_name("slurm-7") and kept.is_name("big-gpu-7")
    assert not kept.is_name("0123abcd")


def test_the_oldest_jobs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "_MOST", 2)
    for number in ("1", "2", "3"):
        kept.keep(sent(tmp_path, number))
        time.sleep(0.02)
    assert {found.number for found in kept.every()} == {"2", "3"}
