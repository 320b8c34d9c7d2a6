"""Where Buildah keeps its images and caches for pdbuild, and the namespaces that it runs in."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdbuild import account
from pdbuild.engine import flatten, place, process, tools
from pdbuild.engine.buildah import prune
from pdbuild.engine.buildah.version import Dialect
from pdbuild.errors import EngineError

# What the user's shell and configuration must not change in a build.
_SCRUBBED = ("BUILDAH_", "CONTAINERS_", "STORAGE_", "_CONTAINERS_", "SOURCE_DATE_EPOCH")

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

_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """This user's storage for one Buildah version: images, caches of steps, records.

    `one_id` says that all files belong to the user, who has no range of ids.
    """

    folder: Path
    driver: str
    one_id: bool
    buildah: Path

    @property
    def tmp(self) -> Path:
        """Buildah's TMPDIR. Its cache mounts are there, so it stays."""
        return self.folder / "tmp"

    @property
    def images(self) -> Path:
        """containers/storage's list of images."""
        return self.folder / "root" / f"{self.driver}-images" / "images.json"

    def profile(self, run: Path) -> Path | None:
        """The seccomp profile for steps, in a run's folder; None is Buildah's own."""
        return run / "seccomp.json" if self.one_id else None

    def record(self, key: str) -> Path:
        """The file that tells which image a node's key yielded."""
        return self.folder / "records" / key

    def command(self) -> list[str]:
        """`buildah` with its global options."""
        return [
            os.fspath(self.buildah),
            f"--root={self.folder / 'root'}",
            f"--runroot={self.folder / 'runroot'}",
            f"--storage-driver={self.driver}",
            "--cgroup-manager=cgroupfs",
        ]

    def words(self, *arguments: str) -> list[str]:
        """A whole command line of `buildah`, in namespaces that die with their first process."""
        return self.inside(*self.command(), *arguments)

    def storage(self, image: str) -> str:
        """An image of this storage as skopeo names it."""
        where = f"{self.driver}@{self.folder / 'root'}+{self.folder / 'runroot'}"
        return f"containers-storage:[{where}]{image}"

    def inside(self, *words: str) -> list[str]:
        """`words` run where Buildah runs: as root of the user's namespaces.

        The process namespace makes that killing the first process kills all that it started,
        also the steps' containers; the mount namespace takes the mounts along.
        """
        unshare = shutil.which("unshare", path=tools.search_path()) or "unshare"
        user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        if user and not self.one_id:
            user.append("--map-auto")
        return [
            unshare, *user,
            "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc",
            "--", *(flatten.words() if self.one_id else ()), *words,
        ]  # fmt: skip

    def environment(self, run: Path) -> dict[str, str]:
        """The environment of every program that uses the storage; `run` is this run's folder."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_SCRUBBED)}
        kept |= {
            "PATH": tools.search_path(),
            "TMPDIR": str(self.tmp),
            "XDG_RUNTIME_DIR": str(run),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }
        if os.getuid():  # it is in its user namespace already: it need not make one
            kept |= {
                "_CONTAINERS_USERNS_CONFIGURED": "done",
                "_CONTAINERS_ROOTLESS_UID": str(os.getuid()),
                "_CONTAINERS_ROOTLESS_GID": str(os.getgid()),
            }
        return kept

    def known_images(self) -> frozenset[str]:
        """The ids of the images in the storage."""
        try:
            return frozenset(str(image["id"]) for image in json.loads(self.images.read_bytes()))
        except (OSError, ValueError, LookupError, TypeError):
            return frozenset()

    def layer(self, image: str) -> str:
        """The id of an image's topmost layer; "" when the list does not tell."""
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            for entry in json.loads(self.images.read_bytes()):
                if entry["id"] == image:
                    return str(entry["layer"])
        return ""

    def recorded(self, key: str) -> dict[str, Any]:
        """What is recorded under a key; {} when nothing is."""
        try:
            read = json.loads(self.record(key).read_bytes())
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def remember(self, key: str, found: dict[str, Any]) -> None:
        """Record under a key."""
        path = self.record(key)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            json.dump(found, file)
        Path(temporary).replace(path)


@contextlib.contextmanager
def enter(buildah: tools.Tool) -> Iterator[tuple[Place, Path]]:
    """This user's storage, and a folder for this run that goes with it.

    What a killed run has left is cleared away by the first that is alone. Raises EngineError
    when the account or the disk does not allow builds.
    """
    where = _find(buildah)
    (where.folder / "runs").mkdir(exist_ok=True)
    lock = os.open(where.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _tidy_if_alone(where, lock)
        fcntl.flock(lock, fcntl.LOCK_SH)
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


def _find(buildah: tools.Tool) -> Place:
    mine = account.find()
    if mine.rung is account.Rung.C:
        raise EngineError(f"Buildah cannot build here: {mine.why}", hint=mine.hint)
    above = place.local_folder("buildah")
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
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=where.folder.parent))
    for name in ("tmp", "records", "runs", "folders/plain"):
        (partial / name).mkdir(parents=True)
    (partial / "storage.conf").write_text(f'[storage]\ndriver = "{where.driver}"\n')
    (partial / "containers.conf").write_text(_CONTAINERS_CONF)
    (partial / "nothing").write_text("")
    (partial / "policy.json").write_text(_POLICY)
    trial = Place(folder=partial, driver=where.driver, one_id=where.one_id, buildah=where.buildah)
    said = _said(trial.words("images", "--quiet"), trial.environment(partial / "runs"))
    shutil.rmtree(partial / "runroot", ignore_errors=True)
    for left in (partial / "runs").iterdir():
        shutil.rmtree(left)
    if not said:
        with contextlib.suppress(OSError):  # another pdbuild was faster
            partial.rename(where.folder)
    if partial.exists():
        _said(trial.inside("rm", "-rf", "--", str(partial)), trial.environment(partial.parent))
    return said


def _said(words: Sequence[str], environment: dict[str, str]) -> str:
    """Run a short command: "" when it succeeds, else its last words."""
    running = process.popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output, _ = running.communicate()
    finally:
        process.stop(running, ((signal.SIGKILL, 5.0),))
    if running.returncode == 0:
        return ""
    return output.decode(errors="replace").strip()[-2000:] or f"exit code {running.returncode}"


def _tidy_if_alone(where: Place, lock: int) -> None:
    """Remove working containers, temporary folders and runs, when no other pdbuild builds."""
    known = prune.records(where.folder / "records")
    stale = prune.stale(known)
    if not (stale or _left(where) or _containers(where)):
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    left = _left(where)
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


def _left(where: Place) -> list[Path]:
    """What is only there while a build runs."""
    found = [path for path in where.tmp.iterdir() if not path.name.startswith("buildah-cache")]
    return [*found, *(where.folder / "runs").iterdir()]


def _containers(where: Place) -> bool:
    """Whether there are working containers; a finished build has none."""
    above = where.folder / "root" / f"{where.driver}-containers"
    return any(path.is_dir() for path in above.glob("*"))
