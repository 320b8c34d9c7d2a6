"""The folder that mmdebstrap works in, which goes when it ends, however it ends."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild.engine import tools

# mmdebstrap's chroot is another uid's, who must be able to reach it: a private one will not do.
_ABOVE = Path("/var/tmp")

# Outlives pdbuild when that is killed, to remove the folder behind mmdebstrap, which dies with
# this shell as this shell does with pdbuild. A signal ends `wait` alone: it is asked again.
_WATCH = """
folder=$1; shift
trap 'kill "$child" 2>/dev/null' INT TERM
setpriv --pdeathsig=TERM "$@" & child=$!
code=0; wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
rm -rf --one-file-system -- "$folder"
exit "$code"
"""


def watched(folder: Path, command: Sequence[str]) -> list[str]:
    """`command` in a shell that removes `folder` at its end, also after SIGTERM or SIGINT."""
    return ["sh", "-c", _WATCH, "pdbuild-bootstrap", str(folder), *command]


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A new folder for one bootstrap; what was left by killed ones of this user is removed."""
    prefix = f"pdbuild-{os.getuid()}-base-"
    for left in _ABOVE.glob(f"{prefix}*"):
        with _held(left) as alone:
            if alone:
                _remove(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_ABOVE))
        with _held(folder) as alone:
            if not alone or not folder.exists():
                continue  # another bootstrap took it for one that was left
            folder.chmod(0o711)
            try:
                yield folder
            finally:
                _remove(folder)
            return


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Whether the folder is ours and nobody else holds it; held while the context lasts."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        alone = os.fstat(descriptor).st_uid == os.getuid()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        yield alone
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove it with files of other ids in it, which a killed mmdebstrap leaves."""
    words = ["rm", "-rf", "--one-file-system", "--", str(folder)]
    environment = {"PATH": tools.search_path(), "LC_ALL": "C"}
    for inside in ([], ["unshare", "--user", "--map-root-user", "--map-auto"]):
        if folder.exists():
            subprocess.run([*inside, *words], env=environment, capture_output=True, check=False)
