"""The folder that mmdebstrap works in, which goes when it ends, however it ends."""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild import programs, tools
from pdbuild.engine import place, process

# mmdebstrap's chroot is another uid's, who must be able to reach it: a private one will not do.
_ABOVE = Path("/var/tmp")

# Outlives pdbuild when that is killed, to end mmdebstrap and remove the folder behind it. It makes
# the folder, too: one that pdbuild made could be left before there is a shell. A signal ends
# `wait` alone: it is asked again. mmdebstrap founds a process group: of SIGTERM it only takes note
# until all that it has started ends by itself. Who else finds the folder has the group's number.
_WATCH = """
folder=$1; shift
stop() {
    ended=1
    kill -s KILL -- "-$child" || kill -s KILL "$child"  # it may not have founded its group yet
} 2>/dev/null
trap stop INT TERM
mkdir -m 711 "$folder" && exec 9>"$folder/lock" && flock 9 || exit 1
setsid setpriv --pdeathsig=KILL "$@" & child=$!
echo "$child" >&9
[ -z "$ended" ] || stop
code=0; wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
kill -s KILL -- "-$child" 2>/dev/null  # when it was killed alone, what it had started goes on
# All of it has the lock, too, and ends a little later.
exec 9>&-; flock --timeout=5 "$folder/lock" true
# A killed mmdebstrap leaves files of other ids.
rm -rf --one-file-system -- "$folder" 2>/dev/null ||
    unshare --user --map-root-user --map-auto rm -rf --one-file-system -- "$folder"
exit "$code"
"""
_UNLOCKED = 10  # seconds for which a new folder may have no lock
_ENDING = 5  # seconds that killed processes may take to end


def watched(folder: Path, command: Sequence[str]) -> list[str]:
    """`command`, no shell itself, in one that makes `folder`, and removes it after the end.

    SIGTERM and SIGINT, sent to the shell, end the command and all that it has started.
    """
    return ["sh", "-c", _WATCH, "pdbuild-bootstrap", str(folder), *command]


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """The name of a folder for `watched`; what was left by killed bootstraps is removed."""
    prefix = f"pdbuild-{os.getuid()}-base-"
    for left in _ABOVE.glob(f"{prefix}*"):
        _remove_if_left(left)
    folder = _ABOVE / f"{prefix}{secrets.token_hex(4)}"
    try:
        yield folder
    finally:
        _remove(folder)


def _remove_if_left(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is gone by now, or somebody else's
        status = folder.lstat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < _UNLOCKED:
            return
        lock = place.take(folder / "lock")
        if lock is not None:
            _remove(folder)
            os.close(lock)


def _end(lock: Path) -> None:
    """End the process group that a killed shell has left: it still has the lock."""
    deadline = time.monotonic() + _ENDING
    with contextlib.suppress(OSError, ValueError):
        while (descriptor := place.take(lock)) is None and time.monotonic() < deadline:
            process.signal_group(int(lock.read_text()), signal.SIGKILL)
            time.sleep(0.02)
        if descriptor is not None:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove it with files of other ids in it, which a killed mmdebstrap leaves."""
    _end(folder / "lock")
    words = ["rm", "-rf", "--one-file-system", "--", str(folder)]
    environment = {"PATH": tools.search_path(), "LC_ALL": "C"}
    for inside in ([], ["unshare", "--user", "--map-root-user", "--map-auto"]):
        if folder.exists():
            programs.run(*inside, *words, env=environment)
