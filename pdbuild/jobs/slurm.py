"""Talks with Slurm: by its own commands, in the forms that they have for programs."""

import re
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.jobs.state import State

# slurm.schedmd.com/squeue.html, JOB STATE CODES: those that a job leaves again, or has not left.
_GOING = frozenset(
    {
        "COMPLETING", "CONFIGURING", "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
        "RESIZING", "RESV_DEL_HOLD", "RUNNING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT",
        "STOPPED", "SUSPENDED",
    }
)  # fmt: skip
_WORDS = {
    "BOOT_FAIL": "ended by Slurm: a node did not start",
    "CANCELLED": "cancelled",
    "COMPLETED": "done",
    "DEADLINE": "ended by Slurm at its deadline",
    "FAILED": "failed",
    "NODE_FAIL": "ended by Slurm: a node failed",
    "OUT_OF_MEMORY": "ended by Slurm: it used more memory than it was given",
    "PREEMPTED": "ended by Slurm for a job of a higher priority",
    "TIMEOUT": "ended by Slurm: its time was over",
}
_LOGIN = "submit on a login node of the cluster; --print shows what would be sent"


def submit(script: Path) -> str:
    """Send a script; the job's number. Raises EngineError with what sbatch said."""
    try:
        done = programs.run("sbatch", "--parsable", script, quick=True)
    except programs.NotInstalled as error:
        raise EngineError(error.message, hint=_LOGIN) from None
    if done.code:
        raise EngineError(f"sbatch refused the job: {_said(done.err)}")
    return done.out.strip().partition(";")[0]  # JOB[;CLUSTER]


def state(number: str) -> State:
    """How a job is doing. Raises EngineError when Slurm does not answer, or knows it no more."""
    done = programs.run("scontrol", "-o", "show", "job", number, quick=True)
    if done.code == 0:
        return parsed(done.out)
    past = programs.run(
        *("sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={number}"),
        "--format=State,ExitCode",
        quick=True,
    )
    word, _, code = past.out.strip().partition("|")
    if past.code == 0 and word:
        return parsed(f"JobState={word.split()[0]} ExitCode={code}")
    raise EngineError(f"Slurm knows no job {number} any more: {_said(done.err)}")


def parsed(line: str) -> State:
    """A job as `scontrol -o show job` describes it."""
    fields = dict(re.findall(r"(?:^|\s)(JobState|Reason|ExitCode)=(\S+)", line))
    word = fields.get("JobState", "UNKNOWN")
    if word in _GOING:
        why = fields.get("Reason", "None")
        return State(word=word.lower(), why="" if why == "None" else why)
    code, _, number = fields.get("ExitCode", "0:0").partition(":")
    # A program's own end is COMPLETED or FAILED; any other is somebody else's doing.
    own = int(code) or (128 + int(number) if int(number or 0) else 0)
    return State(
        word=_WORDS.get(word, word.lower()),
        ended=True,
        code=own if word in ("COMPLETED", "FAILED") else None,
    )


def cancel(number: str) -> None:
    """Cancel a job. Raises EngineError with what scancel said."""
    done = programs.run("scancel", number, quick=True)
    if done.code:
        raise EngineError(f"scancel: {_said(done.err)}")


def _said(text: str) -> str:
    """What a command of Slurm's said, without its own name before each line."""
    lines = (re.sub(r"^\w+: (error: )?", "", line) for line in text.strip().splitlines())
    return "; ".join(lines) or "it did not say why"
