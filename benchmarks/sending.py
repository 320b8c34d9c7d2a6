"""What jobs on a cluster cost; the cluster is the tests' own, two nodes on this machine."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import PDBUILD, ROOT, SCRATCH, Row, timed

sys.path.insert(0, str(ROOT / "tests"))


def jobs(runs: int) -> Iterator[Row]:
    """Printing a job, and starting many ranks beside starting one. Needs root and Slurm."""
    if os.getuid():
        print("jobs: NOT MEASURED: a cluster needs root", file=sys.stderr)
        return
    from system.cluster.slurm import slurm
    from system.container.images import layout

    from pdbuild.store import Store

    words = ("submit", "a.py", "--to=slurm", "--print")
    seconds = [timed(PDBUILD, *words) for _ in range(max(runs, 5) + 1)][1:]
    yield Row(
        name="pdbuild submit --print", ours=statistics.median(seconds), reference=None, goal=0.3
    )
    folder = SCRATCH / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    data = {"PDBUILD_DATA_DIR": str(folder / "data")}
    with tempfile.TemporaryDirectory(dir=SCRATCH) as exported:
        digest = layout(Path(exported), label="benchmark")
        Store(folder / "data/images").adopt(Path(exported), digest, "localhost/tiny:0.1")
    place = tempfile.TemporaryDirectory(prefix="pdbuild-slurm-", dir="/var/tmp")
    with place as made, slurm(Path(made)) as cluster:
        spans: dict[int, list[float]] = {1: [], 32: []}
        for _ in range(runs + 1):
            for tasks, span in spans.items():
                nodes = 2 if tasks > 1 else 1
                ask = (f"--nodes={nodes}", f"--tasks={tasks}", "tiny:0.1", "true")
                span.append(_submitted(folder, data | cluster.env, *ask))
                cluster.idle()
    one, many = (statistics.median(span[1:]) for span in spans.values())
    yield Row(name="64 ranks on two nodes / one rank", ours=many, reference=one, goal=3)


def _submitted(folder: Path, env: dict[str, str], *words: str) -> float:
    """Seconds from sending a job to its end."""
    argv = ["env", *(f"{k}={v}" for k, v in env.items()), str(PDBUILD), "submit", "--to=slurm"]
    quoted = subprocess.list2cmdline([*argv, *words])
    return timed("sh", "-c", f"cd {folder} && {quoted}")
