"""A job: its events, its end, and that nothing of it is left or stays in this process."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_bits import FAILURE, MISTAKES, Count, Deaf, Die, Fail, Leave, Print, Wait, Write

from pdbuild.api import process
from pdbuild.api.events import Notice, Output
from pdbuild.api.job import Job
from pdbuild.broken import BuildError
from pdbuild.errors import Bug, EngineError, Interrupted, PdbuildError, RecipeError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """State of the test's own; nothing is printed, and this process is as it was."""
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / "state" / name))
    before = _of_this_process()
    yield
    assert _of_this_process() == before


def _of_this_process() -> object:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    environment = {n: v for n, v in os.environ.items() if n != "PYTEST_CURRENT_TEST"}
    return Path.cwd(), environment, handlers, signal.pthread_sigmask(signal.SIG_BLOCK, ())


def texts(job: Job[Any]) -> list[str]:
    return [event.text for event in job if isinstance(event, Notice)]


def waited(mark: Path, text: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not (mark.exists() and mark.read_text() == text):
        assert time.monotonic() < deadline, f"not {text}"
        time.sleep(0.02)


def test_events_come_in_order_and_the_result_last(tmp_path: Path) -> None:
    job: Job[tuple[str, int]] = Job(Count(most=300), tmp_path)
    assert texts(job) == [str(number) for number in range(300)]
    where, process = job.result()
    assert where == str(tmp_path) != str(Path.cwd())
    assert process != os.getpid()
    assert job.done
    assert texts(job) == [str(number) for number in range(300)]


def test_a_job_goes_on_when_nobody_listens(tmp_path: Path) -> None:
    job: Job[object] = Job(Count(most=30_000), tmp_path)
    job.result(timeout=30)
    assert len(texts(job)) == 30_000


def test_what_would_be_printed_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    job: Job[object] = Job(Print(), tmp_path)
    assert sorted(texts(job)) == ["a program's", "last", "printed", "said", "to stderr"]
    assert capfd.readouterr() == ("", "")


def failed(how: str, tmp_path: Path) -> Any:
    job: Job[object] = Job(Fail(how=how), tmp_path)
    with pytest.raises(PdbuildError) as first:
        list(job)
    with pytest.raises(PdbuildError) as second:
        job.result()
    assert type(first.value) is type(second.value)
    assert (first.value.message, first.value.hint) == (second.value.message, second.value.hint)
    return second.value


def test_errors_have_the_facts_that_the_command_line_prints(tmp_path: Path) -> None:
    usual = failed("usual", tmp_path)
    assert (str(usual), usual.message, usual.hint, usual.problems) == ("no", "no", "yes", ())

    recipe = failed("recipe", tmp_path)
    assert isinstance(recipe, RecipeError)
    assert recipe.problems == recipe.mistakes == tuple(sorted(MISTAKES))
    assert str(recipe) == "a.toml:1: y: is wrong\na.toml:2: x: is not known"

    build = failed("build", tmp_path)
    assert isinstance(build, BuildError | EngineError)
    assert build.failures == (FAILURE,)
    assert "prune" in failed("full", tmp_path).hint
    assert failed("denied", tmp_path).message == "/a/file: Permission denied"

    bug = failed("bug", tmp_path)
    assert isinstance(bug, Bug)
    log = Path(bug.hint.split()[-1]).read_text()
    assert "ZeroDivisionError: by nothing" in log
    assert "Fail(how='bug')" in log


def test_a_job_that_is_killed_says_its_last_word(tmp_path: Path) -> None:
    job: Job[object] = Job(Die(), tmp_path)
    with pytest.raises(EngineError, match="was killed by signal 9: a last word"):
        job.result()


def test_who_does_not_wait_for_ever(tmp_path: Path) -> None:
    with Job[object](Wait(mark=tmp_path / "mark"), tmp_path) as job:
        with pytest.raises(TimeoutError):
            job.result(timeout=0.05)
        assert not job.done


@pytest.mark.parametrize("busy", [False, True])
def test_a_job_that_is_cancelled_puts_things_in_order(busy: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job: Job[object] = Job(Wait(mark=mark, busy=busy), tmp_path)
    waited(mark, "at work")
    job.cancel()
    assert mark.read_text() == "in order"
    with pytest.raises(Interrupted):
        job.result()
    job.cancel()


def test_a_program_that_hears_no_interrupt_is_ended_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert process._LADDER_OF_PROGRAMS[0][1] < process._LADDER[0][1]
    short = ((signal.SIGINT, 0.2), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
    monkeypatch.setattr(process, "_LADDER_OF_PROGRAMS", short)
    job: Job[object] = Job(Deaf(), tmp_path, lambda value, out, err: value)
    next(iter(job))
    began = time.monotonic()
    job.cancel()
    assert time.monotonic() - began < 5
    with pytest.raises(Interrupted):
        job.result()


@pytest.mark.parametrize("seconds", [0, 0.02, 0.05, 0.1])
def test_a_job_that_is_cancelled_at_once_says_nothing(seconds: float, tmp_path: Path) -> None:
    job: Job[object] = Job(Wait(mark=tmp_path / "mark"), tmp_path)
    time.sleep(seconds)
    job.cancel()
    with pytest.raises(Interrupted):
        job.result()
    events = job._process.hearing.after(0)[0]
    assert events in ([], [Notice(text="at work")])


def test_the_end_of_a_block_cancels(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with Job[object](Wait(mark=mark), tmp_path) as job:
        for _ in job:
            break
    assert mark.read_text() == "in order"


def test_a_job_that_nobody_has_any_more_ends(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for _ in Job[object](Wait(mark=mark), tmp_path):
        break
    gc.collect()
    assert mark.read_text() == "in order"


def test_an_interrupt_of_who_waits_cancels(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job: Job[object] = Job(Wait(mark=mark), tmp_path)
    waited(mark, "at work")
    main = threading.get_ident()
    threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert mark.read_text() == "in order"


PROGRAM = """
import sys, time
from pathlib import Path
from job_bits import Wait
from pdbuild.api.job import Job
job = Job(Wait(mark=Path(sys.argv[1]), busy=True), Path("/"))
for event in job:
    print("at work", flush=True)
    {then}
"""


@pytest.mark.parametrize("then", ["break", "time.sleep(60)"])
def test_the_end_of_the_program_is_the_jobs(then: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    argv = [sys.executable, "-c", PROGRAM.format(then=then), mark]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parent) as program:
        assert program.stdout
        assert program.stdout.readline()
        if "sleep" in then:
            program.kill()
        program.wait()
    waited(mark, "in order")
    time.sleep(0.2)
    assert not list((tmp_path / "state").rglob("bug-*"))


def test_who_started_it_may_end_before(tmp_path: Path) -> None:
    """A program's children die with the thread that started them, if it asks for that."""
    jobs: list[Job[tuple[str, int]]] = []
    thread = threading.Thread(target=lambda: jobs.append(Job(Count(most=3000), tmp_path)))
    thread.start()
    thread.join()
    assert jobs[0].result()[0] == str(tmp_path)


def test_many_threads_have_jobs_and_share_one(tmp_path: Path) -> None:
    shared: Job[object] = Job(Count(most=500), tmp_path)
    heard: list[list[str]] = []
    where: list[str] = []

    def listen(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        own: Job[tuple[str, int]] = Job(Count(most=100), folder)
        heard.append(texts(shared))
        where.append(own.result()[0])

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [[str(number) for number in range(500)]] * 6
    assert sorted(where) == [str(tmp_path / str(number)) for number in range(6)]


def test_what_is_left_running_holds_nobody_up(tmp_path: Path) -> None:
    job: Job[int] = Job(Leave(), tmp_path)
    left = job.result(timeout=20)
    os.kill(left, signal.SIGKILL)


def test_a_programs_words_are_its_own(tmp_path: Path) -> None:
    job: Job[Any] = Job(Write(), tmp_path, lambda *seen: seen)
    events = list(job)
    written = [event.text for event in events if isinstance(event, Output)]
    assert "".join(written) == "café\noh\n"
    assert Output(stream="stderr", text="oh\n") in events
    assert Notice(text="a notice") in events
    assert job.result() == (7, "café\n", "oh\n")


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for _ in range(3):
        Job[object](Count(most=1), tmp_path).result()
        with contextlib.suppress(PdbuildError):
            Job[object](Die(), tmp_path).result()
    assert count() == before
