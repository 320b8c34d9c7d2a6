"""Keeps two pdbuilds from building the same node at once."""

import fcntl
from pathlib import Path


class Locks:
    """One file for all nodes: each node that is being built locks a byte of its own.

    The kernel frees them when this process ends, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")

    def __enter__(self) -> "Locks":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, key: str) -> bool:
        """Take the lock of the node with this key; False when another pdbuild has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(key))
        except OSError:
            return False
        return True

    def free(self, key: str) -> None:
        """Let others have the lock."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _offset(key))


def _offset(key: str) -> int:
    return int(key[:15], 16)
