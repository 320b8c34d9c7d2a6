"""Training in several processes: on two nodes of a Slurm, and as two `pdbuild run`."""

import contextlib
import os
import re
import signal
import socket
from pathlib import Path

from system.cluster.slurm import Slurm
from system.conftest import User
from system.project import Project
from system.test_api import examples

PROGRAM = "examples/paddle/train_distributed.py"


def losses(said: str) -> list[str]:
    return re.findall(r"epoch \d+: loss [0-9.]+", said)


def test_two_nodes_train_as_one_process(paddle: Project, version: str, cluster: Slurm) -> None:
    alone = losses(paddle.succeeds("run", PROGRAM))
    assert len(alone) == 10
    words = ("submit", "--to=slurm", "--nodes=2", PROGRAM)
    assert losses(paddle.succeeds(*words, env=cluster.env)) == alone
    # From Python, as docs/api.md has it.
    example = f"import pdbuild\n{examples()[1]}"
    argv = [paddle.program.parent / "python", "-c", example]
    beside = paddle.root.parent
    done = paddle.user.run(argv, cwd=beside, env=cluster.env, timeout=120)
    assert done.returncode == 0 and losses(done.stdout) == alone, done.stderr
    assert done.stdout.endswith("\n0\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    given = ("-e", "WORLD_SIZE=2", "-e", f"MASTER_PORT={port}")
    workers = [paddle.start("run", "-e", f"RANK={r}", *given, PROGRAM) for r in (0, 1)]
    outputs = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert losses(outputs[0][0]) == alone


def test_a_worker_that_dies_ends_the_job_with_its_name(
    paddle: Project, version: str, cluster: Slurm
) -> None:
    words = ("submit", "--to=slurm", "--nodes=2", PROGRAM, "--epochs=1000000")
    process = paddle.start(*words, env=cluster.env)
    assert process.stdout and "epoch 1: " in process.stdout.readline()
    os.kill(worker(paddle.user, 1), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 137
    assert "pdbuild: rank 1 on n2 ended with exit code 137: " in err
    assert "rank 1 has gone" in err
    cluster.idle()


def worker(user: User, rank: int) -> int:
    """The process that is this rank, as Slurm's node sees it."""
    for line in user.processes():
        pid = int(line.split()[0])
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            if f"RANK={rank}".encode() in environment and name.startswith("python3"):
                return pid
    raise AssertionError(f"no rank {rank} runs: {user.processes()}")
