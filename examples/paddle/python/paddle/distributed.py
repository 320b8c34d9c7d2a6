# SPDX-License-Identifier: Apache-2.0
"""Processes that train one model together."""

import array
import os

from ._native import Handle, check, lib
from .tensor import as_floats


class Ring:
    """Processes in a circle, each of which talks to the next.

    :param rank: which one this is, from 0
    :param size: how many there are
    :param address: the host of rank 0, where it listens at ``port``
    :param seconds: how long to wait for all of them

    When one of them ends, the others' next step raises :class:`PaddleError`, which names it.
    Nothing is encrypted: this is for a cluster's own network.
    """

    def __init__(self, rank, size, address="127.0.0.1", port=29500, seconds=60.0):
        self.rank = rank
        self.size = size
        pointer = lib.paddle_ring_new(rank, size, address.encode(), port, seconds)
        self._handle = Handle(pointer, lib.paddle_ring_free)

    @classmethod
    def from_environment(cls, seconds=60.0):
        """The ring that ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT`` say.

        Job schedulers' launchers set them. Without, this process is alone.
        """
        get = os.environ.get
        return cls(
            int(get("RANK", "0")),
            int(get("WORLD_SIZE", "1")),
            get("MASTER_ADDR", "127.0.0.1"),
            int(get("MASTER_PORT", "29500")),
            seconds,
        )

    @property
    def _pointer(self):
        return self._handle.pointer

    def sum(self, numbers):
        """The sums, over all ranks, of a sequence of numbers; the same on each rank."""
        summed = array.array("f", numbers)
        check(lib.paddle_ring_sum(self._pointer, as_floats(summed), len(summed)))
        return list(summed)

    def __repr__(self):
        return f"<Ring: rank {self.rank} of {self.size}>"
