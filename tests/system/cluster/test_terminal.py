"""`pdbuild submit` to Slurm on a terminal, where Ctrl-C asks what is to happen to the job."""

import re
import time

import pytest

from system.project import Project
from system.terminal import QUESTION, press, typed, until

from .conftest import IMAGE
from .slurm import Slurm

WAIT = "trap 'echo told; exit 3' TERM; echo waiting; while :; do sleep 0.1; done"


@pytest.mark.parametrize(
    ("answer", "said", "state"),
    [("c", "is cancelled", "CANCELLED"), ("l", "goes on", "RUNNING")],
    ids=["cancel", "leave"],
)
def test_ctrl_c_asks(here: Project, cluster: Slurm, answer: str, said: str, state: str) -> None:
    words = ("submit", "--to=slurm", IMAGE, "sh", "-c", WAIT)
    terminal = typed(here, *words, env=cluster.env)
    until(terminal, "waiting")
    press(terminal, "\x03")
    until(terminal, QUESTION)
    press(terminal, "\n")
    until(terminal, ": running")  # it goes on watching, which begins with that
    press(terminal, "\x03")
    until(terminal, QUESTION)
    # Nothing is to happen before there is an answer, and for that there is nothing to wait.
    time.sleep(0.5)
    assert terminal.poll() is None and cluster.asked("squeue", "--noheader")
    shown, _ = terminal.communicate(f"{answer}\n", timeout=60)
    found = re.search(rf"error: interrupted; slurm-(\d+) {said}", shown)
    assert found and terminal.returncode == 130, shown
    if answer == "c":
        cluster.idle()
    job = cluster.asked("scontrol", "-o", "show", "job", found[1])
    assert f" JobState={state} " in job
    (out,) = here.root.glob("build/submit/*/out")
    assert ("told" in out.read_text()) == (answer == "c")
