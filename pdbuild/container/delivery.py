"""Signals for a container's first process, which the kernel treats unlike any other."""

import os
import signal
from collections.abc import Callable
from pathlib import Path


class Delivery:
    """Brings signals to a container's first process, with the effect they have elsewhere.

    The kernel drops signals that the first process of a process namespace does not handle,
    such as SIGTERM for most programs: that process is then killed, and `killed_for` is the
    signal. `pid_file` will have the process id; `by_name` sends a signal where that process is
    a subordinate id's and the caller may not.
    """

    def __init__(self, pid_file: Path, by_name: Callable[[int], None]) -> None:
        self.killed_for = 0
        self._pid_file, self._by_name = pid_file, by_name
        self._sent = False
        self._unhandled = 0

    def __call__(self, number: int, first: bool) -> bool:
        """Bring it, or look what came of that; False while there is no process to bring it to."""
        if first:
            self._sent, self._unhandled = False, 0
        process = self.process()
        if not process:
            return False
        if handles(process, number):
            self._unhandled = 0
            if not self._sent:  # perhaps it had no handler yet when we looked first
                self._sent = True
                self._kill(process, number)
            return True
        # A handler often resets the signal and sends it to itself, which is dropped too. Not at
        # the first sight: a program that is ending resets its signals as well.
        self._unhandled += 1
        if first or self._unhandled > 2:
            self.killed_for = number
            self._kill(process, signal.SIGKILL)
        return True

    def process(self) -> int:
        """The host's process id of the container's program; 0 before its start and at its end."""
        try:
            process = int(self._pid_file.read_text())
            name = Path(f"/proc/{process}/comm").read_text().strip()
            ended = "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
        except (OSError, ValueError):
            return 0
        # Until the runtime becomes the program, it bears its own name.
        return 0 if ended or name == "crun" or name.startswith("runc:[") else process

    def _kill(self, process: int, number: int) -> None:
        try:
            os.kill(process, number)
        except PermissionError:
            self._by_name(number)
        except ProcessLookupError:
            pass


def handles(process: int, number: int, *, proc: int | None = None) -> bool:
    """Whether a process catches, waits for or ignores a signal; True if that cannot be told.

    `proc` is an open /proc, for who has another one by now.
    """
    path = f"{process}/status" if proc is not None else f"/proc/{process}/status"
    try:
        with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=proc)) as status:
            lines = status.read().splitlines()
    except OSError:
        return True
    wanted = ("SigCgt", "SigIgn", "SigBlk")
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(wanted)]
    return any(mask >> (number - 1) & 1 for mask in masks)
