"""Bakes in jobs of Slurm, cut off in the middle, for an account with and one without a range."""

import time
from pathlib import Path

import pytest

from .cluster.slurm import Slurm
from .conftest import User
from .project import Project, left_over, sample

# As docs/clusters.md has it.
JOB = """\
#!/bin/bash
#SBATCH --cpus-per-task=1 --output=bake.out --open-mode=append
TMPDIR=$(mktemp -d /tmp/bake-$SLURM_JOB_ID.XXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap : TERM  # bash waits for pdbuild, which cleans up
{pdbuild} bake all --progress=plain
"""


def project(user: User, python: Path, name: str) -> Project:
    """The make project, whose script says how many processors it sees."""
    made = sample(user, python, "make", name)
    script = made.root / "ci/build.sh"
    script.write_text(f'{script.read_text()}\necho "processors: $(nproc)"\n')
    made.written("bake.sh", JOB.format(pdbuild=made.program))
    return made


def sent(here: Project, cluster: Slurm) -> str:
    done = here.user.run(["sbatch", "--parsable", "bake.sh"], cwd=here.root, env=cluster.env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def said(here: Project) -> str:
    out = here.root / "bake.out"
    return out.read_text() if out.exists() else ""


def in_the_middle(here: Project, cluster: Slurm) -> str:
    """A job that is installing the toolchain; its number."""
    number = sent(here, cluster)
    deadline = time.monotonic() + 240
    while "Unpacking" not in said(here):
        running = cluster.asked("squeue", "--noheader", f"--jobs={number}")
        assert running and time.monotonic() < deadline, said(here)[-3000:]
        time.sleep(0.2)
    return number


def nothing_is_left(here: Project, cluster: Slurm) -> None:
    cluster.idle(90)
    assert left_over(here.user) == []
    assert list(Path("/tmp").glob("bake-*")) == []


def goes_on(here: Project, cluster: Slurm) -> None:
    """The next job bakes all, with what the first ones had finished."""
    sent(here, cluster)
    cluster.idle(400)
    out = said(here)
    assert "compilers: 1 at once (Slurm's share of the node)" in out
    assert (here.root / "build/greet-1.2.0.deb").exists(), out[-3000:]
    assert "| processors: 1\n" in out
    assert out.count("bootstrapping Debian") <= 1
    nothing_is_left(here, cluster)


@pytest.mark.long
def test_a_bake_that_is_cancelled_leaves_nothing_and_the_next_goes_on(
    user: User, pdbuild_python: Path, engines: Path, cluster: Slurm
) -> None:
    here = project(user, pdbuild_python, "greet-in-jobs")
    cluster.asked("scancel", in_the_middle(here, cluster))
    nothing_is_left(here, cluster)
    goes_on(here, cluster)
    # Outside of a job it is as many as one likes.
    script = here.root / "ci/build.sh"
    script.write_text(f"{script.read_text()}\necho again\n")
    done = here.pdbuild("bake", "binaries", "--jobs=1", "--progress=plain")
    assert done.returncode == 0 and "| processors: 1\n" in done.stdout + done.stderr


def test_a_bake_whose_time_is_over_the_same_with_one_id(
    bare_user: User, pdbuild_python: Path, cluster: Slurm
) -> None:
    here = project(bare_user, pdbuild_python, "greet-in-jobs")
    number = in_the_middle(here, cluster)
    cluster.asked("scontrol", "update", f"job={number}", "EndTime=now")
    nothing_is_left(here, cluster)
    goes_on(here, cluster)
