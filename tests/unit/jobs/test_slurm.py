"""What Slurm's commands say, as values; sbatch and scontrol are stand-ins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild.errors import EngineError
from pdbuild.jobs import slurm
from pdbuild.jobs.state import State

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def made(name: str, text: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    return made


LINE = "JobId=7 JobName=a.py UserId=me(1) JobState={} Reason={} Dependency=(null) ExitCode={}"


@pytest.mark.parametrize(
    ("state", "reason", "code", "found"),
    [
        ("PENDING", "Resources", "0:0", State(word="pending", why="Resources")),
        ("RUNNING", "None", "0:0", State(word="running")),
        ("COMPLETED", "None", "0:0", State(word="done", ended=True, code=0)),
        ("FAILED", "NonZeroExitCode", "7:0", State(word="failed", ended=True, code=7)),
        ("FAILED", "RaisedSignal:9", "0:9", State(word="failed", ended=True, code=137)),
        ("CANCELLED", "None", "0:15", State(word="cancelled", ended=True)),
        ("SOMETHING_NEW", "None", "0:0", State(word="something_new", ended=True)),
    ],
)
def test_states(state: str, reason: str, code: str, found: State) -> None:
    assert slurm.parsed(LINE.format(state, reason, code)) == found


def test_memory_and_time_have_words_of_their_own() -> None:
    assert "more memory" in slurm.parsed(LINE.format("OUT_OF_MEMORY", "None", "0:125")).word
    assert "time was over" in slurm.parsed(LINE.format("TIMEOUT", "None", "0:0")).word


def test_a_job_is_sent_and_its_number_comes_back(program: Program, tmp_path: Path) -> None:
    program("sbatch", "echo '12;cluster'")
    assert slurm.submit(tmp_path / "job.sh") == "12"


def test_a_refusal_is_shown_as_slurm_said_it(program: Program, tmp_path: Path) -> None:
    program("sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1")
    with pytest.raises(EngineError, match=r"sbatch refused the job: invalid partition specified"):
        slurm.submit(tmp_path / "job.sh")


def test_without_slurm_it_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="sbatch is not installed") as raised:
        slurm.submit(tmp_path / "job.sh")
    assert "login node" in raised.value.hint


def test_a_job_that_the_controller_forgot_is_asked_of_accounting(program: Program) -> None:
    program("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    program("sacct", "echo 'CANCELLED by 1008|0:15'")
    assert slurm.state("7") == State(word="cancelled", ended=True)
    program("sacct", "exit 1")
    with pytest.raises(EngineError, match=r"Slurm knows no job 7 any more: .*Invalid job id"):
        slurm.state("7")
