"""podman's image storage: makes sure that a new one is not `vfs`, which is podman's default
for users in some versions, and which copies the whole image at each start (seconds).

The settings are in a file of pdbuild's own, which the podman that it starts is pointed to. Once
there are images, a podman that reads another file takes the driver that its database names.
"""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdbuild import dirs, mounts, programs, whales, whole
from pdbuild.errors import EngineError

_LAST_SECONDS = 20.0

_VARIABLE = "CONTAINERS_STORAGE_CONF"
_CONF = """\
# Written by pdbuild: with no driver named, podman would copy the whole image at each start (vfs).
[storage]
driver = "{driver}"
"""
_ELSEWHERE = """\
# podman cannot store where it would: {why}.
rootless_storage_path = "{root}"
"""
# With no subordinate ids, every file of an image becomes the user's own.
_SINGLE_ID = """\

[storage.options.{driver}]
ignore_chown_errors = "true"
"""


def configuration_files() -> tuple[Path, ...]:
    """The files that tell podman where and how to store and run, present or not."""
    named = [os.environ.get(n) for n in ("CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF")]
    places = (configuration_directory(), Path("/etc/containers"), Path("/usr/share/containers"))
    names = ("storage.conf", "containers.conf", "containers.conf.d")
    return (*(Path(n) for n in named if n), *(place / name for place in places for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Options and environment for a podman of which nothing stays."""

    flags: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None  # None is this process's own


def info(podman: str, *flags: str, scratch: Scratch = Scratch()) -> dict[str, Any]:
    """What `podman info` says. Raises EngineError with podman's message."""
    words = (podman, "--log-level=error", *scratch.flags, *flags, "info", "--format=json")
    done = programs.run(*words, env=scratch.env)
    try:
        return dict(json.loads(done.out))
    except ValueError:
        reason = done.err.strip().removeprefix("Error: ") or f"exit {done.code}"
        raise EngineError(f"podman does not work here: {reason}") from None


def prepare(podman: str) -> tuple[str, ...]:
    """Give this user overlay storage if podman would take vfs; what was done, for the user.

    Nothing is changed that a file or variable of the user or the host configures, and nothing
    that holds images, containers or volumes.
    """
    if os.getuid() == 0 or _configured():
        return ()
    if why := _unfit():
        return _moved(podman, why)
    database = _data() / "libpod" / "bolt_state.db"
    fresh = not (_data() / "libpod").exists()
    if fresh:
        with trial() as scratch:
            said = info(podman, scratch=scratch)
    else:
        said = info(podman)
    if said["store"]["graphDriverName"] != "vfs" or not _overlay_works(podman):
        return ()
    if not fresh and not _is_empty(podman):
        hint = "remove them (podman system reset) and run pdbuild again to have overlay"
        return (f"podman keeps your images with the slow driver vfs; {hint}",)
    conf = _write("overlay", said)
    if database.exists():
        # The driver is written in it, and wins over storage.conf.
        database.rename(database.with_suffix(".db.vfs"))
    return (
        f"podman stores your images with overlay, not with the slow vfs: {conf}; "
        "`pdbuild doctor --write-podman` tells podman by hand, too",
    )


def _moved(podman: str, why: str) -> tuple[str, ...]:
    """Give this user a storage on this machine's own disk; what was done."""
    with trial() as scratch:
        said = info(podman, scratch=scratch)
    root = dirs.make_local("containers")
    driver = "overlay" if _overlay_works(podman) else "vfs"
    conf = _write(driver, said, _ELSEWHERE.replace("{why}", why).replace("{root}", str(root)))
    return (
        f"{why}: podman stores your images in {root}, by {conf}; "
        "`pdbuild doctor --write-podman` tells podman by hand, too",
    )


def _write(driver: str, said: Mapping[str, Any], more: str = "") -> Path:
    """Write the file of pdbuild's own for a podman that has said this of itself."""
    single = len(said["host"].get("idMappings", {}).get("uidmap") or ()) == 1
    text = _CONF + more + (_SINGLE_ID if single else "")
    conf = own()
    conf.parent.mkdir(parents=True, exist_ok=True)
    whole.write(conf, text.replace("{driver}", driver))
    use()
    return conf


def place() -> tuple[Path, str] | None:
    """Where podman stores images, and why there; None when its configuration says so."""
    if os.getuid() == 0 or _configured():
        return None
    if why := _unfit():
        return dirs.node_local() / "containers", why
    return _data(), "podman's default"


def _unfit() -> str:
    """Why podman cannot store images where it would, if so."""
    there = next(place for place in (_data(), *_data().parents) if place.exists())
    if kind := mounts.remote(there):
        return f"{_data()} is on {kind}, and it needs a local disk"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"


def own() -> Path:
    """The file of pdbuild's own; there is none where podman's choice is good."""
    return dirs.data_path() / "podman" / "storage.conf"


def give() -> Path | None:
    """Put that file where the user's own podman finds it, unless one is there; which, if any."""
    if not own().exists() or any(f.exists() for f in configuration_files() if _stores(f)):
        return None
    theirs = configuration_directory() / "storage.conf"
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text(own().read_text())
    return theirs


def _stores(file: Path) -> bool:
    return file.name == "storage.conf" and file != own()


def use() -> None:
    """Have every podman and skopeo that this process starts read that file, if it is there.

    What the user or the host configures comes first.
    """
    if own().exists() and not _configured():
        os.environ[_VARIABLE] = str(own())


def theirs() -> dict[str, str]:
    """The environment as the user's own podman has it."""
    mine = str(own())
    return {n: v for n, v in os.environ.items() if (n, v) != (_VARIABLE, mine)}


def _configured() -> bool:
    named = any(os.environ.get(n) for n in ("CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER"))
    return named or any(f.exists() for f in configuration_files() if f.name == "storage.conf")


def configuration_directory() -> Path:
    """Where podman looks for this user's (or, for root, the host's) configuration."""
    if os.getuid() == 0:
        return Path("/etc/containers")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "containers")


def _data() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data, "containers", "storage")


def _is_empty(podman: str) -> bool:
    store = info(podman)["store"]
    if (store["containerStore"]["number"], store["imageStore"]["number"]) != (0, 0):
        return False
    try:
        with whales.client(podman, "--log-level=error") as client:
            return not client.volume.list()
    except EngineError:
        return False


def _overlay_works(podman: str) -> bool:
    try:
        with trial() as scratch:
            return bool(info(podman, "--storage-driver=overlay", scratch=scratch))
    except EngineError:
        return False


@contextlib.contextmanager
def trial() -> Iterator[Scratch]:
    """A podman with a storage of its own, on the file system of the real one."""
    if _unfit():
        place = dirs.make_local("trial")
    else:
        place = _data().parent.parent
        place.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(dir=place, prefix=".pdbuild-trial-"))
    # podman refuses a longer path than 50 bytes here, whatever TMPDIR is.
    run = Path(tempfile.mkdtemp(dir="/tmp", prefix="pdb-"))
    flags = (f"--root={root}", f"--runroot={run}", f"--tmpdir={run}/tmp")
    try:
        yield Scratch(flags=flags, env=_environment(run))
    finally:
        _await_last(root)
        for file in run.rglob("pause.pid"):
            with contextlib.suppress(OSError, ValueError):
                # The process that keeps the user namespace for the next podman here.
                os.kill(int(file.read_text()), signal.SIGTERM)
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)


def _await_last(root: Path) -> None:
    """Wait until no process has this storage on its command line.

    A container is removed by a podman that nobody waits for: it would make all folders again.
    """
    end = time.monotonic() + _LAST_SECONDS
    while time.monotonic() < end and any(_may_use(p, os.fsencode(root)) for p in _processes()):
        time.sleep(0.02)


def _processes() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*")


def _may_use(process: Path, words: bytes) -> bool:
    try:
        told = (process / "cmdline").read_bytes()
        # A program that has only been started has its file before its command line; a process of
        # the kernel and one that has ended have neither.
        return words in told or (not told and bool((process / "exe").readlink()))
    except OSError:
        return False


def _environment(run: Path) -> dict[str, str] | None:
    """Environment in which a user's podman writes below `run` what no option places elsewhere."""
    if os.getuid() == 0:
        return None
    session, home, config = (run / name for name in ("session", "home", "config"))
    for path in (session, home, config):
        path.mkdir(mode=0o700)
    mine = configuration_directory()
    if mine.is_dir():
        (config / "containers").symlink_to(mine.absolute())
    moved = {"XDG_RUNTIME_DIR": session, "XDG_CONFIG_HOME": config, "HOME": home}
    return {**os.environ, **{name: str(path) for name, path in moved.items()}}
