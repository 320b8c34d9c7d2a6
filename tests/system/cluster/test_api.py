"""Jobs on a cluster from Python: their events, exit codes, and ends."""

import pytest

from system.project import Project

from .conftest import IMAGE
from .slurm import Slurm

USES = """
import time
import pdbuild

def submit(script, **more):
    words = ("sh", "-c", script)
    return pdbuild.submit(*words, to="slurm", image="tiny:0.1.0-cpu", place={"nodes": 2}, **more)

job = submit('echo "rank $RANK $WORD"; exit 7', env={"WORD": "x"})
text = "".join(event.text for event in job if isinstance(event, pdbuild.Output))
for rank in (0, 1):
    assert f"{rank}: rank {rank} x\\n" in text, text
ended = job.result()
assert ended.exit_code == 7 and "rank 0 x" in ended.stdout, ended
assert pdbuild.submitted()[0].id == ended.id and pdbuild.submitted()[0].nodes == 2

# A loop that is left ends the job on the cluster.
with submit("echo begun; sleep 300") as job:
    for event in job:
        if isinstance(event, pdbuild.Output) and "begun" in event.text:
            break
try:
    job.result()
except pdbuild.Interrupted as error:
    print(error.message)

# One that is detached is found again.
name = submit("echo late; sleep 2; exit 3", detach=True).result().id
job = pdbuild.follow(name)
assert "late" in "".join(e.text for e in job if isinstance(e, pdbuild.Output))
assert job.result().exit_code == 3
name = submit("sleep 300", detach=True).result().id
pdbuild.cancel(name)
try:
    pdbuild.follow(name).result()
except pdbuild.PdbuildError as error:
    print(error.message)
try:
    submit("true", mounts=[]).cancel()
    pdbuild.cancel("slurm-999")
except pdbuild.UsageError as error:
    print(error.message)
"""


@pytest.mark.usefixtures("member")
def test_a_program_sends_jobs_and_hears_of_them(here: Project, cluster: Slurm) -> None:
    file = here.written("uses.py", USES)
    assert IMAGE in USES
    python = here.program.parent / "python"
    done = here.user.run([python, file], cwd=here.root, env=cluster.env, timeout=150)
    assert done.returncode == 0, done.stderr
    cancelled, was, unknown = done.stdout.splitlines()
    assert cancelled.startswith("interrupted; slurm-") and cancelled.endswith(" is cancelled")
    assert was.startswith("slurm-") and was.endswith(" was cancelled")
    assert unknown == "no job slurm-999 was sent from here"
