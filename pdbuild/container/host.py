"""Finds out how podman runs containers on this host, by trying, and remembers it.

What a container needs differs (cgroups v1, v2 or both, crun or runc, subordinate ids or none),
and no version number tells it. A trial takes about a second, so its result is kept until the
machine restarts or a program or a configuration file changes.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pdbuild import dirs, lacks, locks, programs, whole
from pdbuild.container import storage
from pdbuild.errors import EngineError
from pdbuild.limits import limits

_INITS = ("catatonit", "/usr/libexec/podman/catatonit", "/usr/libexec/catatonit/catatonit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How containers run here.

    `flags` go between `podman` and its command. `keep_id`: the caller's uid exists inside
    (needs subordinate ids). `init` is a program for pid 1 where there is a terminal, or "".
    `driver`, `graph_root` and `run_root` say where podman keeps images; `plain_storage` that no
    other option matters. `notices` are for the user, until `take_notices`.
    """

    podman: str
    flags: tuple[str, ...] = ()
    keep_id: bool = True
    init: str = ""
    driver: str = ""
    graph_root: str = ""
    run_root: str = ""
    plain_storage: bool = True
    notices: tuple[str, ...] = ()


def loadable() -> bool:
    """Whether podman is installed, so that images can be loaded into it."""
    return shutil.which("podman") is not None


def find(*, again: bool = False) -> Host:
    """How containers run here; `again` tries even if that is known.

    Raises EngineError with each candidate's own error when none works.
    """
    podman = shutil.which("podman")
    if podman is None:
        raise EngineError("podman is not installed", hint="apt install podman uidmap runc")
    storage.use()
    key = _key(podman)
    remembered = None if again else _remembered(key)
    if remembered is not None:
        return remembered
    # Two that begin with a fresh storage at once would each make it, and in different ways.
    with _alone():
        storage.use()
        if not again and (remembered := _remembered(_key(podman))):
            return remembered
        host = _tried(podman)
        _remember(host)
    return host


def attempt(*, one_id: bool) -> Host:
    """As `find`, but it changes and remembers nothing: podman gets a storage of its own.

    `one_id` says that there are no subordinate ids, so that they need not be tried.
    """
    podman = shutil.which("podman")
    if podman is None:
        raise EngineError("podman is not installed", hint="apt install podman uidmap runc")
    storage.use()
    remembered = _remembered(_key(podman))
    if remembered is not None:
        return remembered
    with storage.trial() as scratch:
        info = storage.info(podman, scratch=scratch)
        host = _first_that_works(_described(podman, info), info, scratch, one_id=one_id)
        return replace(host, driver="", graph_root="", run_root="")


def check() -> None:
    """Try whether containers run here, whatever is remembered. Raises as `find` does."""
    find(again=True)


def take_notices() -> tuple[str, ...]:
    """What the user was not told yet of changes made for podman; empty the next time.

    Of many that begin at once, one is given them.
    """
    host = find()
    if not host.notices:
        return ()
    with _alone():
        told = _remembered(_key(host.podman)) or host
        if told.notices:
            _remember(replace(told, notices=()))
        return told.notices


def forget() -> None:
    """Try again next time: what was found does not hold any more."""
    _memory().unlink(missing_ok=True)


def identity(host: Host, user: str) -> tuple[str, ...]:
    """Options that make files written to mounts belong to the caller; see `Container.user`."""
    if os.getuid() == 0:
        return (f"--user={user or '0:0'}",)
    uid, _, gid = (user or f"{os.getuid()}:{os.getgid()}").partition(":")
    # Root inside a user namespace is the caller outside. With no subordinate ids there is
    # nobody else.
    if uid == "0" or not host.keep_id:
        return ("--user=0:0",)
    gid = gid or uid
    if not user:
        return ("--userns=keep-id", f"--user={uid}:{gid}")
    return (f"--userns=keep-id:uid={uid},gid={gid}", f"--user={uid}:{gid}")


def _tried(podman: str) -> Host:
    notices = storage.prepare(podman)
    info = storage.info(podman)
    host = replace(_described(podman, info), notices=notices)
    return _first_that_works(host, info, storage.Scratch(), one_id=_has_one_id(info))


def _has_one_id(info: dict[str, Any]) -> bool:
    """Whether there is no id but the caller's. podman 5 takes `--userns=keep-id` then, too, and
    has no ids for the owners of an image's files."""
    ranges = (info["host"].get("idMappings") or {}).get("uidmap") or ()
    return bool(ranges) and sum(one["size"] for one in ranges) == 1


def _described(podman: str, info: dict[str, Any]) -> Host:
    store = info["store"]
    return Host(
        podman=podman,
        init=next((found for name in _INITS if (found := shutil.which(name))), ""),
        driver=str(store["graphDriverName"]),
        graph_root=str(store["graphRoot"]),
        run_root=str(store["runRoot"]),
        plain_storage=not store["graphOptions"],
    )


def _first_that_works(
    host: Host, info: dict[str, Any], scratch: storage.Scratch, *, one_id: bool = False
) -> Host:
    """The first way to run a container that works; `scratch` is for the trials alone."""
    failures = []
    with root_of_host_tools() as root:
        for candidate in _candidates(host, one_id=one_id):
            failure = _trial(candidate, root, scratch)
            if not failure:
                return candidate
            name = " ".join(candidate.flags) or f"podman's own choice ({_runtime(info)})"
            failures.append(f"{name}: {failure}")
    raise EngineError("no container runs here:\n  " + "\n  ".join(failures), hint=_hint(host))


def _candidates(host: Host, *, one_id: bool) -> Iterator[Host]:
    keep = (True, False) if os.getuid() else (True,)
    for keep_id in (False,) if one_id else keep:
        yield replace(host, keep_id=keep_id)
        cgroupfs = "--cgroup-manager=cgroupfs"
        yield replace(host, keep_id=keep_id, flags=(cgroupfs,))
        # crun first where both work: it starts faster. It refuses hybrid cgroups, runc does not.
        for runtime in filter(None, map(shutil.which, ("crun", "runc", "/usr/sbin/runc"))):
            yield replace(host, keep_id=keep_id, flags=(f"--runtime={runtime}", cgroupfs))


def _trial(host: Host, root: Path, scratch: storage.Scratch) -> str:
    """Start `true` with the host's own tools as its root; "" or the error's last line."""
    done = programs.run(
        *(host.podman, *host.flags, *scratch.flags, "--log-level=error"),
        *("run", "--rm", "--network=host"),
        *("--log-driver=none", "--security-opt=label=disable", *limits()),
        *(*identity(host, ""), "--volume=/usr:/usr:ro", "--rootfs", str(root), "/usr/bin/true"),
        env=scratch.env,
    )
    # A container that can have no keys of its own has come that far; `plain` knows what helps.
    return "" if done.code == 0 or lacks.keys(done.err) else done.said


@contextlib.contextmanager
def root_of_host_tools() -> Iterator[Path]:
    """A root file system for trials: empty, with links into the host's /usr, to be mounted."""
    with tempfile.TemporaryDirectory(dir=dirs.runtime_dir(), prefix="trial-") as name:
        root = Path(name)
        for directory in ("usr", "proc", "sys", "dev", "etc", "run", "tmp"):
            (root / directory).mkdir()
        for link in ("bin", "lib", "lib64", "sbin"):
            (root / link).symlink_to(f"usr/{link}")
        yield root


def _hint(host: Host) -> str:
    if os.getuid() and not shutil.which("newuidmap"):
        return "apt install uidmap"
    if os.getuid() and not _has_subordinate_ids():
        return f"give this user subordinate ids: usermod --add-subuids … --add-subgids … {_user()}"
    if not shutil.which("runc"):
        return "apt install runc: it runs where crun refuses the host's cgroups"
    return "podman info, and podman --log-level=debug run …, say more"


def _has_subordinate_ids() -> bool:
    with contextlib.suppress(OSError):
        lines = Path("/etc/subuid").read_text().splitlines()
        return any(line.split(":")[0] in (_user(), str(os.getuid())) for line in lines)
    return False


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _runtime(info: dict[str, Any]) -> str:
    return str((info["host"].get("ociRuntime") or {}).get("name") or "no runtime")


def _key(podman: str) -> list[str]:
    files: Sequence[str | Path | None] = (
        *(podman, shutil.which("crun"), shutil.which("runc"), shutil.which("catatonit")),
        *storage.configuration_files(),
    )
    names = (
        *("HOME", "PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
        *("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER"),
    )
    return [
        Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        str(os.getuid()),
        _text("/proc/sys/user/max_user_namespaces"),  # an administrator may change it any time
        *(f"{name}={os.environ.get(name, '')}" for name in names),
        *(_stamp(file) for file in files if file),
    ]


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _stamp(file: str | Path) -> str:
    try:
        status = os.stat(file)  # noqa: PTH116 - a third of Path.stat's time, a dozen times
    except OSError:
        return f"{file}: none"
    return f"{file}: {status.st_size} {status.st_mtime_ns}"


def _memory() -> Path:
    return dirs.machine_path() / "podman-host.json"


def _alone() -> AbstractContextManager[None]:
    """While one tries podman, or tells of it, others wait."""
    return locks.alone(dirs.machine_dir() / "podman.lock")


def _remembered(key: list[str]) -> Host | None:
    try:
        data = json.loads(_memory().read_bytes())
        if data["key"] != key:
            return None
        host = data["host"]
        lists = {name: tuple(host[name]) for name in ("flags", "notices")}
        return Host(**{**host, **lists})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(host: Host) -> None:
    # Storage may have written a configuration file that is part of the key.
    dirs.machine_dir()
    whole.write(_memory(), json.dumps({"key": _key(host.podman), "host": asdict(host)}))
