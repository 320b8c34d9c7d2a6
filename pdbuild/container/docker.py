"""Runs containers through a Docker Engine: as the calling user, with the paths of its machine.

The engine belongs to root, so root inside is root outside: programs run under the caller's own
ids, and what they write to mounts is the caller's. An engine that is rootless itself has the
caller for root.
"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pdbuild import dirs, docker, programs, whales, whole
from pdbuild.container import PROJECT_LABEL, Container, Mount, missing
from pdbuild.container.foreground import Foreground
from pdbuild.container.guard import guarded
from pdbuild.container.words import home, mounted
from pdbuild.docker import Docker, images
from pdbuild.errors import EngineError, UsageError
from pdbuild.limits import limits
from pdbuild.store import Store

_CDI = (25,)  # the first version that reads descriptions of devices
# Of a program that cannot be started the client tells when there is a container.
_OWN_WORDS = b"docker: Error response from daemon: "


def load(store: Store, references: Sequence[str], platform: str = "") -> tuple[str, ...]:
    """Make the engine know stored images by their references; those that it did not know.

    Of several platforms it is the given one, else the machine's. Raises as `docker.require` and
    `images.load` do, and UsageError when the store lacks an image.
    """
    from pdbuild.container.loading import native_platform

    engine = docker.require()
    with store.reading():
        wanted = {}
        for reference in references:
            entry = store.entry(reference)
            meant = platform or native_platform(store, reference)
            here = store.layout
            of_platforms = {here.config(m).platform: m for m in here.manifests(entry)}
            if meant not in of_platforms:
                raise UsageError(f"image {reference} is not there for {meant}")
            wanted[entry.reference] = of_platforms[meant]
        return images.load(engine, store.layout, wanted)


def run(container: Container) -> int:
    """Run it in the foreground and remove it; the program's exit code, as `podman.run` has it.

    Raises ProgramError as `podman.run` does, EngineError with Docker's
    message when no container could be made.
    """
    engine = docker.require()
    name = _name(container)
    directory = Path(tempfile.mkdtemp(dir=dirs.runtime_dir(), prefix="run-"))
    made = directory / "id"
    with guarded(directory, ("docker", "rm", "--force", name)) as tell:
        program = Foreground(
            run_argv(container, engine, name=name, id_file=made),
            deliver=_Delivery(name),
            started=made.exists,
            terminal=container.tty,
            own=(_OWN_WORDS,),
        )
        tell(program.pid)
        code = program.wait()
        if none := missing.explained(program.held.decode(errors="replace"), code, container):
            _docker("rm", "--force", name)
            raise none
        if code == 125 and not made.exists():
            if program.interrupted_by:
                return 128 + program.interrupted_by
            raise _failure(program.held.decode(errors="replace"))
        program.release()
        if program.interrupted_by:  # the client may have gone alone
            _docker("rm", "--force", name)
    return code


def start(container: Container) -> str:
    """Start it in the background; its id, for `logs` and `stop`. It stays after its end."""
    name = _name(container)
    done = _docker(*_run_options(container, docker.require(), name=name, detach=True))
    if done.code:
        _docker("rm", "--force", name)
        raise missing.explained(done.err, done.code, container) or _failure(done.err)
    return done.out.split()[-1]


def has(container: str) -> bool:
    """Whether an id, a unique prefix of one, or a name is that of a container of pdbuild's."""
    with contextlib.suppress(EngineError, UsageError):
        return docker.find() is not None and bool(_find(container))
    return False


def logs(container: str, *, follow: bool = False) -> int:
    """Print what a container of `start` wrote; Docker's exit code. Raises as `podman.logs`."""
    options = ["--follow"] if follow else []
    program = Foreground(["docker", "logs", *options, _find(container).id])
    code = program.wait()
    return 128 + program.interrupted_by if program.interrupted_by else code


def stop(container: str, *, timeout: int = 10) -> None:
    """Ask it to end, kill it after `timeout` seconds, and remove it. Raises as `logs` does."""
    found = _find(container)
    if found.pid:
        _docker("stop", f"--time={timeout}", found.id)
    done = _docker("rm", "--force", found.id)
    if done.code and "no such container" not in done.err.lower():
        raise _failure(done.err)


def run_argv(container: Container, engine: Docker, *, name: str, id_file: Path) -> list[str]:
    """Docker's command line for a container in the foreground."""
    options = _run_options(container, engine, name=name, detach=False, id_file=id_file)
    return ["docker", *options]


def known(container: Container, entry: str) -> Container:
    """The container, in which the image's own users and that of a line of /etc/passwd are known.

    Podman adds the line of a user by itself; for Docker the whole file is mounted.
    """
    words = ("run", "--rm", "--pull=never", "--network=none", "--entrypoint=cat")
    done = _docker(*words, container.image, "/etc/passwd")
    if done.code:
        raise _failure(done.err)
    uid = entry.split(":")[2]
    lines = [line for line in done.out.splitlines() if line.split(":")[2:3] != [uid]]
    path = dirs.data_dir() / "docker-passwd"
    whole.write(path, "".join(f"{line}\n" for line in (*lines, entry)))
    mount = Mount(source=path, target="/etc/passwd", read_only=True)
    return replace(container, mounts=(*container.mounts, mount))


class _Delivery:
    """Brings a signal to a container by its name, once, when it is there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sent = False

    def __call__(self, number: int, first: bool) -> bool:
        if first:
            self._sent = False
        if not self._sent:
            self._sent = _docker("kill", f"--signal={number}", self._name).code == 0
        return self._sent


def _run_options(
    container: Container, engine: Docker, *, name: str, detach: bool, id_file: Path | None = None
) -> list[str]:
    env = dict(container.env)
    return [
        *("run", f"--name={name}", "--pull=never", f"--label={PROJECT_LABEL}={container.project}"),
        *(("--detach",) if detach else ("--rm", "--log-driver=none", "--interactive")),
        *(("--tty",) if container.tty else ()),
        *((f"--cidfile={id_file}",) if id_file else ()),
        # The kernel drops signals that a first process does not handle: Docker's own little one
        # passes them on, and ends as the program does.
        "--init",
        "--security-opt=label=disable",
        *limits(),
        f"--user={_user(container, engine)}",
        *home(container, env),
        *(() if container.network == "private" else (f"--network={container.network}",)),
        *(f"--publish={port}" for port in container.ports),
        *(f"--device={_device(device, engine)}" for device in container.devices),
        *mounted(container.mounts),
        *container.options,
        *((f"--workdir={container.workdir}",) if container.workdir else ()),
        *((f"--entrypoint={container.entrypoint}",) if container.entrypoint else ()),
        *(f"--env={key}={value}" for key, value in env.items()),
        container.image,
        *container.argv,
    ]


def _user(container: Container, engine: Docker) -> str:
    if engine.rootless or os.getuid() == 0:
        return "0:0" if engine.rootless else container.user or "0:0"
    if container.user.partition(":")[0] == "0":
        raise EngineError(
            "in a Docker Engine that belongs to root, root inside is root outside",
            hint="--runtime podman",
        )
    return container.user or f"{os.getuid()}:{os.getgid()}"


def _device(device: str, engine: Docker) -> str:
    if not device.startswith("/") and engine.numbers < _CDI:
        raise EngineError(
            f"Docker {engine.version} knows devices by their nodes alone, not {device}",
            hint=f"Docker {_CDI[0]} and newer read CDI; or --runtime podman",
        )
    return device


def _name(container: Container) -> str:
    return container.name or f"pdbuild-{os.urandom(6).hex()}"


def _find(wanted: str) -> whales.Listed:
    with whales.client("docker") as client:
        ours = whales.containers(client, PROJECT_LABEL)
    if found := whales.chosen(ours, wanted):
        return found
    raise UsageError(f"there is no container {wanted!r}")


def _docker(*arguments: str) -> programs.Done:
    """For what must be quick, or be said as Docker says it."""
    return programs.run("docker", *arguments, quick=True)


def _failure(said: str) -> EngineError:
    lines = [line for line in said.splitlines() if line.strip() and "--help" not in line]
    text = lines[0].removeprefix("docker: ") if lines else "it failed"
    return EngineError(f"docker: {text.removeprefix('Error response from daemon: ')}")
