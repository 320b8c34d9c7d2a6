"""Work in jobs of a cluster, the tests' own: training on two nodes, and a bake."""

import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import PDBUILD, ROOT, SCRATCH, Row, edited

sys.path.insert(0, str(ROOT / "tests"))

_PROGRAM = "examples/paddle/train_distributed.py"
# Computing that takes much longer than the sums between the steps.
_SIZE = ("--epochs=5", "--width=1024", "--samples=7680", "--batch=1920")
_ENDS = re.compile(r"(\d) processes, ([0-9.]+) s")


def training(runs: int) -> Iterator[Row]:
    """Two workers beside one, each with one thread; the start of both is not counted."""
    if os.getuid():
        print("training: NOT MEASURED: a cluster needs root", file=sys.stderr)
        return
    from system.cluster.slurm import slurm

    spans: dict[int, list[float]] = {1: [], 2: []}
    place = tempfile.TemporaryDirectory(prefix="pdbuild-slurm-", dir="/var/tmp")
    with place as made, slurm(Path(made)) as cluster:
        for _, nodes in itertools.product(range(runs), spans):
            words = ("submit", "--to=slurm", f"--nodes={nodes}", "-e", "PADDLE_NUM_THREADS=1")
            said = _said(cluster.env, PDBUILD, *words, _PROGRAM, *_SIZE)
            found = _ENDS.search(said)
            assert found and int(found[1]) == nodes, said
            spans[nodes].append(float(found[2]))
            cluster.idle()
    one, two = map(statistics.median, spans.values())
    yield Row(name="training on two nodes / on one", ours=two, reference=one, goal=0.65)


def baking(runs: int) -> Iterator[Row]:
    """A bake of the example with a file changed in a job, beside the same outside."""
    if os.getuid():
        print("bake-in-job: NOT MEASURED: a cluster needs root", file=sys.stderr)
        return
    from system.cluster.slurm import slurm

    _said({}, PDBUILD, "bake", "all", "-q")
    inside: list[float] = []
    outside: list[float] = []
    place = tempfile.TemporaryDirectory(prefix="pdbuild-slurm-", dir="/var/tmp")
    with place as made, slurm(Path(made)) as cluster, edited() as change:
        script = SCRATCH / "bake.sh"
        script.write_text(f"#!/bin/bash\ncd {ROOT}\n{PDBUILD} bake all -q\n")
        job = ("srun", f"--cpus-per-task={os.cpu_count()}", "bash", str(script))
        for _ in range(runs + 1):
            for words, spans in ((job, inside), (("bash", str(script)), outside)):
                change()
                began = time.monotonic()
                _said(cluster.env, *words)
                spans.append(time.monotonic() - began)
    yield Row(
        name="a bake in a job / outside",
        ours=statistics.median(inside[1:]),
        reference=statistics.median(outside[1:]),
        goal=1.1,
    )


def _said(env: dict[str, str], *words: str | Path) -> str:
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
