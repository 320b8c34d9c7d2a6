# SPDX-License-Identifier: Apache-2.0
"""train_distributed.py in one process and in several."""

import os
import re
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "train_distributed.py"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def started(size, *words):
    """The processes, and rank 0's output will have the losses."""
    port = free_port()
    workers = []
    for rank in range(size):
        env = dict(os.environ, RANK=str(rank), WORLD_SIZE=str(size), MASTER_PORT=str(port))
        workers.append(
            subprocess.Popen(
                [sys.executable, "-B", PROGRAM, *words],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return workers


def losses(size):
    ended = [worker.communicate(timeout=60) for worker in started(size)]
    said = ended[0][0]
    assert all(not errors for _, errors in ended), ended
    return [float(loss) for loss in re.findall(r"loss ([0-9.]+)", said)]


class DistributedTest(unittest.TestCase):
    def test_losses_are_those_of_one_process(self):
        alone = losses(1)
        self.assertEqual(len(alone), 10)
        self.assertLess(alone[-1], alone[0] / 2)
        for size in (2, 3):
            together = losses(size)
            for one, other in zip(alone, together, strict=True):
                self.assertAlmostEqual(one, other, delta=2e-4)
            self.assertEqual(together, losses(size))

    def test_a_worker_that_dies_is_named_by_the_others(self):
        workers = started(2, "--epochs=100000")
        self.assertRegex(workers[0].stdout.readline(), "epoch 1: ")
        workers[1].send_signal(signal.SIGKILL)
        _, errors = workers[0].communicate(timeout=60)
        self.assertNotEqual(workers[0].returncode, 0)
        self.assertIn("rank 1 has gone", errors)
        workers[1].communicate()


if __name__ == "__main__":
    unittest.main()
