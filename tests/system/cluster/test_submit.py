"""`pdbuild submit` to Slurm, as a user of two nodes types it."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from system import apptainer
from system.project import Project

from .conftest import IMAGE
from .slurm import Slurm

PROGRAM = """
import os, signal, sys, time
rank = os.environ["RANK"]
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "PEERS", "WORD")
print(*(os.environ.get(name) for name in names), os.getcwd(), flush=True)
open(f"written.{rank}", "w").write(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
if sys.argv[1:2] == [rank]:
    sys.exit(7)
if sys.argv[1:]:
    signal.signal(signal.SIGTERM, lambda *_: (print("told to end", flush=True), sys.exit(3)))
    print("waiting", flush=True)
    [time.sleep(0.1) for _ in range(1200)]
"""
# The image has no Python: it runs that of the machine.
RUN = ("-v", "/usr:/usr:ro", IMAGE, "python3", "a.py")


def submitted(
    here: Project, cluster: Slurm, *words: str, program: tuple[str, ...] = RUN
) -> subprocess.CompletedProcess[str]:
    here.written("a.py", PROGRAM)
    return here.pdbuild("submit", "--to=slurm", *words, *program, env=cluster.env, timeout=120)


def started(here: Project, cluster: Slurm, *words: str) -> tuple[subprocess.Popen[str], str]:
    """A submit whose two ranks are running, and the job's name."""
    here.written("a.py", PROGRAM)
    program = (*RUN, "-")
    process = here.start("submit", "--to=slurm", "--nodes=2", *words, *program, env=cluster.env)
    assert process.stdout and process.stderr
    job = re.match(r"slurm-\d+", process.stderr.readline())
    assert job
    while len([1 for out in outputs(here) if out.count("waiting") == 2]) == 0:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    return process, job[0]


def outputs(here: Project) -> list[str]:
    return [path.read_text() for path in here.root.glob("build/submit/*/out")]


def test_ranks_on_two_nodes_know_each_other(here: Project, cluster: Slurm) -> None:
    done = submitted(here, cluster, "--nodes=2", "-e", "WORD=hello")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "0: 0 2 0 0 127.0.0.1 n1,n2 hello /work",
        "1: 1 2 0 1 127.0.0.1 n1,n2 hello /work",
    ]
    for rank in ("0", "1"):
        written = here.root / f"written.{rank}"
        assert (written.read_text(), written.stat().st_uid) == ("none", here.user.uid)
    # One copy of the image on each node, and what runs it is said.
    said = re.findall(r"pdbuild: (n\d): the image is in /tmp .*; (\w+) runs it", done.stderr)
    assert sorted(said) == [("n1", "unshare"), ("n2", "unshare")]


@pytest.mark.parametrize("runtime", ["unshare", "podman", "runc", "charliecloud"])
def test_each_runtime_runs_it(here: Project, cluster: Slurm, runtime: str) -> None:
    # Charliecloud has no read-only mounts.
    program = ("-v", "/usr:/usr", *RUN[2:])
    if runtime != "charliecloud":
        program = ("-v", f"{cluster.folder}/strict:/strict:ro", *RUN)
    done = submitted(here, cluster, f"--runtime={runtime}", program=program)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0 1 0 0 127.0.0.1 n1 None /work\n"
    assert f"{runtime} runs it (as told)" in done.stderr
    assert (here.root / "written.0").stat().st_uid == here.user.uid


@pytest.mark.long
def test_apptainer_runs_it(here: Project, cluster: Slurm) -> None:
    env = cluster.env | apptainer.on_path(here)
    text = 'echo "$RANK $WORLD_SIZE $WORD $(id -u) $PWD"; touch written.$RANK; exit $1'
    strict = f"{cluster.folder}/strict:/strict:ro"
    to = ("submit", "--to=slurm", "--nodes=2", "--runtime=apptainer", "-v", strict)
    argv = (*to, "-e", "WORD=a, b", IMAGE, "sh", "-c", text, "sh")
    done = here.pdbuild(*argv, "0", env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    own = here.user.uid
    assert sorted(done.stdout.splitlines()) == [f"{r}: {r} 2 a, b {own} /work" for r in "01"]
    assert done.stderr.count("apptainer runs it (as told)") == 2
    assert (here.root / "written.1").stat().st_uid == own
    assert here.pdbuild(*argv, "7", env=env, timeout=120).returncode == 7


def test_the_script_runs_without_pdbuild(here: Project, cluster: Slurm) -> None:
    first = submitted(here, cluster, "--detach")
    assert re.fullmatch(r"slurm-\d+\n", first.stdout), first.stderr
    cluster.idle()
    (script,) = here.root.glob("build/submit/*/job.sh")
    (here.root / "written.0").unlink()
    done = here.user.run(["sbatch", "--wait", script], env=cluster.env)
    assert done.returncode == 0, done.stderr
    assert (here.root / "written.0").exists()


def test_64_ranks_start_from_one_copy_a_node(here: Project, cluster: Slurm) -> None:
    done = submitted(here, cluster, "--nodes=2", "--tasks=32", program=(IMAGE, "echo", "here"))
    assert done.returncode == 0, done.stderr
    ranks = re.findall(r"^ *(\d+): here$", done.stdout, re.MULTILINE)
    assert sorted(map(int, ranks)) == list(range(64)), done.stdout
    assert done.stderr.count("the image is in") == 2


def test_a_gpu_comes_by_gres(here: Project, cluster: Slurm) -> None:
    done = submitted(here, cluster, "--gpus=1")
    assert done.returncode == 0, done.stderr
    assert (here.root / "written.0").read_text() == "0"
    refused = submitted(here, cluster, "--gpus=2")
    assert refused.returncode == 1
    assert "sbatch refused the job: " in refused.stderr
    assert "Requested node configuration is not available" in refused.stderr


def test_a_rank_that_fails_ends_the_job_with_its_name(here: Project, cluster: Slurm) -> None:
    done = submitted(here, cluster, "--nodes=2", program=(*RUN, "1"))
    assert done.returncode == 7
    assert "pdbuild: rank 1 on n2 ended with exit code 7: python3 a.py 1\n" in done.stderr
    listed = here.pdbuild("jobs", "--json", env=cluster.env)
    assert json.loads(listed.stdout)[0]["state"] == "failed"


def test_cancel_reaches_the_program_and_leaves_nothing(here: Project, cluster: Slurm) -> None:
    process, job = started(here, cluster)
    assert re.search(rf"{job} +running", here.pdbuild("jobs", env=cluster.env).stdout)
    assert here.pdbuild("cancel", job, env=cluster.env).returncode == 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"error: {job} was cancelled" in err
    logs = here.pdbuild("logs", job, env=cluster.env)
    assert logs.stdout.count("told to end") == 2


def test_without_a_terminal_an_interrupt_leaves_the_job(here: Project, cluster: Slurm) -> None:
    process, job = started(here, cluster)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"error: interrupted; {job} goes on" in err
    assert cluster.asked("squeue", "--noheader", "--format=%T").split() == ["RUNNING"]


def test_a_job_whose_time_is_over_leaves_nothing(here: Project, cluster: Slurm) -> None:
    process, job = started(here, cluster)
    cluster.asked("scontrol", "update", f"job={job.partition('-')[2]}", "EndTime=now+1")
    _, err = process.communicate(timeout=90)  # slurmctld looks every half minute
    assert process.returncode == 1
    assert f"error: {job}: ended by Slurm: its time was over" in err


def test_a_job_that_is_queued_again_runs_again(here: Project, cluster: Slurm) -> None:
    process, job = started(here, cluster)
    number = job.partition("-")[2]
    cluster.asked("scontrol", "requeue", number)
    cluster.idle_but(number)
    cluster.asked("scontrol", "update", f"job={number}", "StartTime=now")
    deadline = time.monotonic() + 60
    while sum(out.count("waiting") for out in outputs(here)) < 4:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.2)
    here.pdbuild("cancel", job, env=cluster.env)
    _, err = process.communicate(timeout=60)
    assert f"{job}: pending" in err and f"error: {job} was cancelled" in err


def test_what_a_killed_job_left_goes_with_the_next(here: Project, cluster: Slurm) -> None:
    left = Path(f"/tmp/pdbuild-job-{here.user.uid}-999999-n1-0/root")
    here.user.run(["mkdir", "-p", left])
    assert submitted(here, cluster).returncode == 0
    assert not left.parent.exists()


def test_print_sends_nothing(here: Project, cluster: Slurm) -> None:
    printed = submitted(here, cluster, "--print", "--nodes=2")
    assert printed.stdout.startswith("#!/bin/bash\n#SBATCH --job-name=a.py\n#SBATCH --nodes=2\n")
    assert not (here.root / "build").exists()
