"""Watches over a container from outside of pdbuild, which may be killed without a word."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Outlives pdbuild, in a session of its own: when pdbuild is gone without a word (kill -9), the
# container goes too. $1 is a directory to delete, the rest the command that removes the container.
# It is told the process that started the container, which may still be at it.
_GUARD = """
directory=$1; shift
if read -r pid && ! read -r done; then
  n=0
  while [ -e "/proc/$pid/exe" ] && [ $n -lt 50 ]; do
    "$@"; sleep 0.1; n=$((n + 1))
  done
  "$@"
fi
rm -rf -- "$directory"
"""


@contextlib.contextmanager
def guarded(directory: Path, remove: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Have the guard watch; gives the function that tells it the id of the starting process.

    `remove` is the command line that removes the container. The directory goes in any case.
    """
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    try:
        guard = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _GUARD, "pdbuild-guard", str(directory), *remove],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
            ],
            setsid=True,
        )
        os.close(reader)
        yield lambda pid: _tell(writer, f"{pid}\n")
        _tell(writer, "done\n")
    finally:
        os.close(null)
        os.close(writer)
    shutil.rmtree(directory, ignore_errors=True)
    os.waitpid(guard, 0)


def _tell(guard: int, text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(guard, text.encode())
