"""Makes Buildah's storage, lets builds in, and clears away what they leave."""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild import account, dirs, programs, tools
from pdbuild.engine import flatten, overlay, process
from pdbuild.engine.buildah import prune
from pdbuild.engine.buildah.place import Place
from pdbuild.engine.buildah.version import Dialect
from pdbuild.errors import EngineError

# The best first. vfs copies the whole image for each step, and works everywhere.
_DRIVERS = ("overlay", "vfs")

# Of BuildKit's steps; Buildah's own list depends on its version.
_CONTAINERS_CONF = """\
[containers]
default_capabilities = [
  "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
  "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
]
"""

_PARTIAL = ".partial-"  # begins the name of a storage that is being made

_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


@contextlib.contextmanager
def enter(buildah: tools.Tool) -> Iterator[tuple[Place, Path]]:
    """This user's storage, and a folder for this run that goes with it.

    What a killed run has left is cleared away by the first that is alone. Raises EngineError
    when the account or the disk does not allow builds.
    """
    where, lock = _shared(buildah)
    try:
        run = Path(tempfile.mkdtemp(dir=where.folder / "runs"))
        try:
            if profile := where.profile(run):
                flatten.write_profile(profile)
            yield where, run
        finally:
            shutil.rmtree(run, ignore_errors=True)
            _tidy_if_alone(where, lock)
    finally:
        os.close(lock)


def _shared(buildah: tools.Tool) -> tuple[Place, int]:
    """The storage, and its lock, which is held together with other builds."""
    while True:
        where = _find(buildah)
        try:
            (where.folder / "runs").mkdir(exist_ok=True)
            lock = os.open(where.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the whole storage was removed at this moment
            continue
        try:
            _tidy_if_alone(where, lock)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _is_of(where, lock):
                return where, lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _find(buildah: tools.Tool) -> Place:
    mine = account.find()
    if mine.rung is account.Rung.C:
        raise EngineError(f"Buildah cannot build here: {mine.why}", hint=mine.hint)
    above = dirs.local_dir("buildah")
    label = Dialect(version=tools.numbers(buildah.version)).label
    suffix = "-one-id" if mine.one_id else ""
    possible = [
        Place(
            folder=above / f"{label}-{driver}{suffix}",
            driver=driver,
            one_id=mine.one_id,
            buildah=buildah.path,
        )
        for driver in _DRIVERS
    ]
    for found in possible:
        if found.folder.is_dir():
            return found
    said = ""
    for found in possible:
        said = _made(found)
        if not said:
            return found
    raise EngineError(f"Buildah cannot make its storage in {above}:\n{said}")


def _made(where: Place) -> str:
    """Make the storage; "" when it works, else what Buildah said."""
    above = where.folder.parent
    with (above / "making.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if where.folder.is_dir():
            return ""  # another pdbuild was faster
        if left := [str(path) for path in above.glob(f"{_PARTIAL}*")]:
            # Of one that was killed: nobody else makes any while we hold the lock.
            _said(where.inside("rm", "-rf", "--", *left), {"PATH": tools.search_path()})
        return _made_alone(where)


def _made_alone(where: Place) -> str:
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=where.folder.parent))
    for name in ("tmp", "records", "runs", "folders/plain"):
        (partial / name).mkdir(parents=True)
    (partial / "storage.conf").write_text(f'[storage]\ndriver = "{where.driver}"\n')
    (partial / "containers.conf").write_text(_CONTAINERS_CONF)
    (partial / "nothing").write_text("")
    (partial / "policy.json").write_text(_POLICY)
    trial = Place(folder=partial, driver=where.driver, one_id=where.one_id, buildah=where.buildah)
    said = ""
    if where.driver == "overlay":
        # Without the kernel's, Buildah would take fuse-overlayfs unasked, if there is one: its
        # layers are of another form, and it may fail only when the first step runs.
        environment = {"PATH": tools.search_path(), "LC_ALL": "C"}
        said = overlay.refused(partial / "trial", where.inside(), environment)
    if not said:
        said = _said(trial.words("images", "--quiet"), trial.environment(partial / "runs"))
    shutil.rmtree(partial / "runroot", ignore_errors=True)
    for left in (partial / "runs").iterdir():
        shutil.rmtree(left)
    if not said:
        partial.rename(where.folder)
    else:
        _said(trial.inside("rm", "-rf", "--", str(partial)), trial.environment(partial.parent))
    return said


def _said(words: Sequence[str], environment: dict[str, str]) -> str:
    """Run a short command: "" when it succeeds, else its last words."""
    running = process.popen(words, env=environment, stdout=programs.PIPE, stderr=programs.STDOUT)
    try:
        output, _ = running.communicate()
    finally:
        process.stop(running, ((signal.SIGKILL, 5.0),))
    if running.returncode == 0:
        return ""
    return output.decode(errors="replace").strip()[-2000:] or f"exit code {running.returncode}"


def _tidy_if_alone(where: Place, lock: int) -> None:
    """Remove working containers, temporary folders and runs, when no other pdbuild builds."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if not _is_of(where, lock):
        return
    known = prune.records(where.folder / "records")
    stale = prune.stale(known)
    left = _left(where)
    if not (stale or left or _containers(where)):
        return
    run = Path(tempfile.mkdtemp(dir=where.folder / "runs"))
    environment = where.environment(run)
    if _containers(where):
        _said(where.words("rm", "--all"), environment)
    for record in stale:
        record.path.unlink(missing_ok=True)
    if images := prune.images(known, stale):
        # One that others are built on stays; so does one that is gone already.
        _said(where.words("rmi", *images), environment)
    # In the namespace: a step's files belong to other ids.
    names = [str(path) for path in (*left, *_left(where))]
    _said(where.inside("rm", "-rf", "--one-file-system", "--", *names), environment)


def _is_of(where: Place, lock: int) -> bool:
    """Whether a descriptor is of the storage's lock; not when the storage was removed since."""
    try:
        return os.path.samestat(os.fstat(lock), (where.folder / "lock").stat())
    except FileNotFoundError:
        return False


def _left(where: Place) -> list[Path]:
    """What is only there while a build runs."""
    found = [path for path in where.tmp.iterdir() if not path.name.startswith("buildah-cache")]
    return [*found, *(where.folder / "runs").iterdir()]


def _containers(where: Place) -> bool:
    """Whether there are working containers; a finished build has none."""
    above = where.folder / "root" / f"{where.driver}-containers"
    return any(path.is_dir() for path in above.glob("*"))
