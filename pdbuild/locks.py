"""Locks between pdbuilds of one user, which end with the process that holds them."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(lock: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a lock that one pdbuild has at a time; `waiting` is called when another has it.

    It is a folder, or a file, which is made and never deleted: two could else hold two files.
    On NFS another machine does not see that a folder is locked.
    """
    # NFS 4 gives such a lock only to who may write there.
    handle = os.open(lock, os.O_RDONLY if lock.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
