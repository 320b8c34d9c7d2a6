"""The image of a job as one file system, which each node mounts once."""

import re
import time
from pathlib import Path

import pytest

from system.project import Project

from .conftest import IMAGE
from .slurm import Slurm
from .test_submit import RUN, submitted

SQUASHFS = "--format=squashfs"


@pytest.mark.parametrize("runtime", ["unshare", "podman", "runc", "charliecloud"])
def test_each_runtime_has_what_is_mounted(here: Project, cluster: Slurm, runtime: str) -> None:
    program = ("-v", "/usr:/usr", *RUN[2:]) if runtime == "charliecloud" else RUN
    done = submitted(here, cluster, SQUASHFS, f"--runtime={runtime}", "--nodes=2", program=program)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    said = re.findall(rf"the image is mounted \(\d+ s\); {runtime} runs it", done.stderr)
    assert len(said) == 2, done.stderr
    assert nobody_serves(here)


def test_a_mount_that_nothing_can_be_added_to(here: Project, cluster: Slurm) -> None:
    words = (SQUASHFS, "-v", "/etc:/new/place:ro")
    # What a rank changes is its own, and gone afterwards.
    script = "echo changed >/etc/passwd && cat /etc/passwd /new/place/hostname"
    done = submitted(here, cluster, *words, program=(IMAGE, "sh", "-c", script))
    assert done.returncode == 0 and done.stdout.startswith("changed\n"), done.stderr
    refused = submitted(here, cluster, *words, "--runtime=runc", program=(IMAGE, "true"))
    assert refused.returncode == 1
    assert "runc: the image has no /new/place, and nothing can be added to it" in refused.stderr


@pytest.mark.long
def test_64_ranks_take_no_three_times_as_long_as_one(here: Project, cluster: Slurm) -> None:
    took = {}
    for form in ("tar", "squashfs"):
        for nodes, tasks in ((1, 1), (2, 32)):
            best = 1e9
            for _ in range(3):
                began = time.monotonic()
                words = (f"--format={form}", f"--nodes={nodes}", f"--tasks={tasks}")
                done = submitted(here, cluster, *words)
                best = min(best, time.monotonic() - began)
                assert done.returncode == 0, done.stderr
                assert len(done.stdout.splitlines()) == nodes * tasks
            took[form, nodes * tasks] = best
    print({f"{form} {ranks}": round(seconds, 2) for (form, ranks), seconds in took.items()})
    for form in ("tar", "squashfs"):
        assert took[form, 64] <= 3 * took[form, 1]
    assert nobody_serves(here)


def nobody_serves(here: Project) -> bool:
    """Whether no process that shows an image is left, a moment after the job's end."""
    deadline = time.monotonic() + 5
    while any("squashfuse" in line for line in here.user.processes()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return not list(Path("/tmp").glob(f"pdbuild-job-{here.user.uid}-*"))
