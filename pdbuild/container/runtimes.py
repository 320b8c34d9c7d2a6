"""What programs run by: podman, a Docker Engine where there is one, or what runs a plain tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pdbuild import dirs, docker
from pdbuild.container import Container
from pdbuild.errors import EngineError, UsageError

if TYPE_CHECKING:
    from pdbuild.store import Store


class Runtime(Protocol):
    """One of them; each raises as the module behind it does."""

    @property
    def name(self) -> str:
        """As it is asked for."""

    @property
    def listing(self) -> Callable[[], Path] | None:
        """Finds the file that changes when it gets or loses an image; None where there is none
        to be seen, so that it must be given an image each time."""

    def load(self, store: Store, reference: str, platform: str) -> tuple[str, ...]:
        """Have it know an image of the store, for a platform ("": this machine's); what the user
        should know."""

    def run(self, container: Container) -> int:
        """Run in the foreground; the program's exit code."""

    def start(self, container: Container) -> str:
        """Start in the background; the id."""

    def own_uid(self) -> bool:
        """Whether the caller has their own ids inside; else they can only be root there."""

    def known(self, container: Container, entry: str) -> Container:
        """The container, in which a user is known by a line of /etc/passwd ("": none is added)."""


def choose(asked: str, say: Callable[[str], object]) -> Runtime:
    """What `asked` names; for "" podman where it works, else a Docker Engine that answers, else
    what needs nothing: namespaces alone where podman is not installed, proot where there are none.

    A choice that was not asked for is said once, where there was one, until it is another: `say`
    gets the line. Raises EngineError when what was asked for is not there, or nothing is.
    """
    if asked:
        return _named(asked)
    from pdbuild.container import host

    try:
        host.find()
    except EngineError as error:
        engine = docker.find()
        if engine is None:
            if (plain := needing_nothing(say, _why(error))) is None:
                raise
            return plain
        _once(say, f"runtime: docker {engine.version} ({_why(error)})")
        return DOCKER
    if not _said().startswith("runtime: podman") and docker.find():
        _once(say, "runtime: podman (a Docker Engine is here, too: --runtime docker)")
    return PODMAN


def needing_nothing(say: Callable[[str], object], why: str = "") -> Runtime | None:
    """What needs nothing: namespaces alone where podman is not installed, proot where there are
    none; None elsewhere. A podman that is there and does not work is the user's to mend.

    It is said once, as by `choose`; `why` is why it is not podman.
    """
    from pdbuild import account
    from pdbuild.container import host, unpacked

    plain: Runtime
    if unpacked.needed():
        plain, reason = PROOT, account.find().why
    elif not host.loadable() and account.find().rung is not account.Rung.C:
        plain, reason = UNSHARE, "podman is not installed"
    else:
        return None
    _once(say, f"runtime: {plain.name} ({why or reason})")
    return plain


def logs(container: str, *, follow: bool) -> int:
    """`podman.logs`, also of a container that Docker has."""
    from pdbuild.container import docker as by_docker
    from pdbuild.container import podman

    if by_docker.has(container):
        return by_docker.logs(container, follow=follow)
    return podman.logs(container, follow=follow)


def stop(container: str, *, timeout: int) -> None:
    """`podman.stop`, also of a container that Docker has."""
    from pdbuild.container import docker as by_docker
    from pdbuild.container import podman

    if by_docker.has(container):
        by_docker.stop(container, timeout=timeout)
    else:
        podman.stop(container, timeout=timeout)


def only_podman(runtime: str, what: str) -> None:
    """Raise UsageError when another runtime was asked for than `what` can be done by."""
    if runtime not in ("", "podman"):
        raise UsageError(f"--runtime {runtime}: {what} is podman's alone")


def _why(error: EngineError) -> str:
    """Why podman is not taken, in a line; what is used up has other words than a full disk."""
    from pdbuild import lacks

    if lacks.of_kernel(error.message):
        return lacks.remedy(error.message)
    return error.message.splitlines()[0]


def _named(name: str) -> Runtime:
    """The runtime of this name. Raises EngineError when it is not there."""
    if name == "docker":
        docker.require()
    elif name in _BY_TREE:
        _BY_TREE[name].module.require()
    return _BY_NAME[name]


def _said() -> str:
    try:
        return (dirs.cache_dir() / "runtime-said").read_text()
    except OSError:
        return ""


def _once(say: Callable[[str], object], line: str) -> None:
    if _said() != line:
        say(line)
        (dirs.cache_dir() / "runtime-said").write_text(line)


# Their modules are imported when they are used: people wait for the start of a program.
class _Podman:
    """`container.podman`."""

    name = "podman"

    def load(self, store: Store, reference: str, platform: str) -> tuple[str, ...]:
        from pdbuild.container import host, loading

        loading.load(store, reference, platform)
        return host.take_notices()

    def listing(self) -> Path:
        from pdbuild.container import host, loading

        return loading.listing(host.find())

    def run(self, container: Container) -> int:
        from pdbuild.container import podman

        return podman.run(container)

    def start(self, container: Container) -> str:
        from pdbuild.container import podman

        return podman.start(container)

    def own_uid(self) -> bool:
        from pdbuild.container import host

        return host.find().keep_id

    def known(self, container: Container, entry: str) -> Container:
        options = (*container.options, *((f"--passwd-entry={entry}",) if entry else ()))
        return replace(container, options=options)


class _Docker:
    """`container.docker`."""

    name = "docker"
    listing = None

    def load(self, store: Store, reference: str, platform: str) -> tuple[str, ...]:
        from pdbuild.container import docker as by_docker

        by_docker.load(store, [reference], platform)
        return ()

    def run(self, container: Container) -> int:
        from pdbuild.container import docker as by_docker

        return by_docker.run(container)

    def start(self, container: Container) -> str:
        from pdbuild.container import docker as by_docker

        return by_docker.start(container)

    def own_uid(self) -> bool:
        return not docker.require().rootless

    def known(self, container: Container, entry: str) -> Container:
        from pdbuild.container import docker as by_docker

        return by_docker.known(container, entry) if entry else container


@dataclass(frozen=True, slots=True)
class _ByTree:
    """What runs a program in the image's unpacked files. Its module has `require` and `run`.

    `own` says that the caller has their own ids inside; else they are root there.
    """

    name: str
    file: str
    own: bool = False
    listing: ClassVar[None] = None

    @property
    def module(self) -> Any:
        return import_module(f"pdbuild.container.{self.file}")

    def load(self, store: Store, reference: str, platform: str) -> tuple[str, ...]:
        from pdbuild.container import unpacked

        unpacked.load(store, reference, platform)
        return ()

    def run(self, container: Container) -> int:
        return int(self.module.run(container))

    def start(self, container: Container) -> str:
        raise UsageError(f"--detach is podman's: by {self.name} a program ends with pdbuild")

    def own_uid(self) -> bool:
        return self.own

    def known(self, container: Container, entry: str) -> Container:
        return container


PODMAN, DOCKER, PROOT = _Podman(), _Docker(), _ByTree("proot", "unpacked", own=True)
UNSHARE = _ByTree("unshare", "namespaces")
_BY_TREE = {
    tree.name: tree
    for tree in (
        PROOT,
        UNSHARE,
        _ByTree("runc", "runc"),
        _ByTree("charliecloud", "charliecloud"),
        _ByTree("apptainer", "apptainer", own=True),
    )
}
_BY_NAME: dict[str, Runtime] = {"podman": PODMAN, "docker": DOCKER, **_BY_TREE}
