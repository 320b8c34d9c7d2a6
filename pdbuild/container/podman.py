"""Runs containers through podman: rootless, no daemon, as the calling user."""

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from pdbuild import dirs, ground, lacks, programs, whales
from pdbuild.container import PROJECT_LABEL, Container, missing
from pdbuild.container.delivery import Delivery, handles
from pdbuild.container.foreground import Foreground
from pdbuild.container.guard import guarded
from pdbuild.container.host import Host, find, forget, identity
from pdbuild.container.words import home, mounted
from pdbuild.errors import EngineError, UsageError
from pdbuild.limits import limits
from pdbuild.programs import Done
from pdbuild.whales import Client

# What podman says, with exit code 126, of a name that no description has.
_NO_DEVICE = b"unresolvable CDI devices "


@ground.ordinary_umask()
def run(container: Container) -> int:
    """Run it in the foreground and remove it; the program's exit code.

    128 + n when signal n ended it. SIGINT, SIGTERM and the like reach the program, and end one
    that does not handle them. Raises ProgramError when it is not there or cannot be executed,
    EngineError with podman's message when nothing could be started.
    """
    host = find()
    name = container.name or f"pdbuild-{os.urandom(6).hex()}"
    directory = Path(tempfile.mkdtemp(dir=dirs.runtime_dir(), prefix="run-"))
    pid_file = directory / "pid"

    def by_name(number: int) -> None:
        _podman(host, "kill", f"--signal={number}", name)

    delivery = Delivery(pid_file, by_name)
    remove = (host.podman, *host.flags, "rm", "--force", "--time", "2", name)
    with guarded(directory, remove) as tell:
        argv = run_argv(container, host, name=name, pid_file=pid_file)
        program = Foreground(
            argv, deliver=delivery, started=pid_file.exists, terminal=container.tty
        )
        tell(program.pid)
        code = program.wait()
        started = pid_file.exists()
        if delivery.process():
            _podman(host, "rm", "--force", "--time=0", name)  # somebody ended podman alone
    if not started and program.interrupted_by:
        # In a terminal podman hears Ctrl-C, too, until it reads what is typed, and ends with 1.
        _podman(host, "rm", "--force", "--ignore", "--time=0", name)
        return 128 + program.interrupted_by
    if not started and (none := missing.explained(_text(program.held), code, container)):
        raise none
    if not started and (code == 125 or _of_host(program.held)):
        forget()
        raise _failure(program.held)
    program.release()
    return 128 + delivery.killed_for if delivery.killed_for else code


@ground.ordinary_umask()
def start(container: Container) -> str:
    """Start it in the background; its id, for `logs` and `stop`.

    It stays after its end, so that `logs` can say why, until `stop` or `prune` removes it.
    """
    host = find()
    name = container.name or f"pdbuild-{os.urandom(6).hex()}"
    done = _podman(host, *_run_options(container, host, name=name, detach=True))
    if done.code:
        _podman(host, "rm", "--force", "--time=0", name)
        if none := missing.explained(done.err, done.code, container):
            raise none
        forget()
        raise _failure(done.err.encode())
    return done.out.split()[-1]


def logs(container: str, *, follow: bool = False) -> int:
    """Print what a container of `start` wrote; podman's exit code.

    `container` is an id, a unique prefix of one, or a name. Raises UsageError for an unknown
    one and for one that is not pdbuild's.
    """
    host = find()
    found = _find(host, container)
    options = ["--follow"] if follow else []
    program = Foreground([host.podman, *host.flags, "logs", *options, found.id])
    code = program.wait()
    return 128 + program.interrupted_by if program.interrupted_by else code


def stop(container: str, *, timeout: int = 10) -> None:
    """Ask it to end, kill it after `timeout` seconds, and remove it. Raises as `logs` does."""
    host = find()
    found = _find(host, container)
    process = found.pid
    # Nobody would hear SIGTERM: do not wait.
    seconds = timeout if process and handles(process, signal.SIGTERM) else 0
    done = _podman(host, "rm", "--force", f"--time={seconds}", found.id)
    if done.code and "no such container" not in done.err.lower():
        raise _failure(done.err.encode())


def named(prefix: str, *, running: bool = False) -> tuple[str, ...]:
    """The names of pdbuild's containers that start so; with `running`, of those that run."""
    found = [c for c in _listed(find()) if not running or c.status == "running"]
    return tuple(sorted(c.name for c in found if c.name.startswith(prefix)))


def said(container: str) -> str:
    """What a container of `start` wrote so far."""
    with _client(find()) as client:
        return str(client.container.logs(container))


def publishes() -> bool:
    """Whether podman can give a container a network of its own with published ports."""
    return os.getuid() == 0 or any(map(shutil.which, ("pasta", "slirp4netns")))


def unpublished(port: str) -> UsageError:
    """The error for a port that was to be published where that cannot be."""
    return UsageError(
        f"-p {port}: podman cannot map ports here", hint="install passt or slirp4netns"
    )


def prune() -> int:
    """Remove the containers of `start` that have ended; how many."""
    host = find()
    ended = [c.id for c in _listed(host) if c.status in ("exited", "dead", "created")]
    return sum(_podman(host, "rm", one).code == 0 for one in ended)


def run_argv(container: Container, host: Host, *, name: str, pid_file: Path) -> list[str]:
    """podman's command line for a container in the foreground."""
    options = _run_options(container, host, name=name, pid_file=pid_file)
    return [host.podman, *host.flags, "--log-level=error", *options]


def _run_options(
    container: Container,
    host: Host,
    *,
    name: str,
    pid_file: Path | None = None,
    detach: bool = False,
) -> list[str]:
    if container.ports and not publishes():
        raise unpublished(container.ports[0])
    env = dict(container.env)
    return [
        *("run", f"--name={name}", "--pull=never", f"--label={PROJECT_LABEL}={container.project}"),
        # Attached output needs no copy on the disk; detached output is read back by `logs`.
        *(("--detach", "--log-driver=k8s-file") if detach else ("--rm", "--log-driver=none")),
        *(() if detach else ("--interactive",)),
        *(("--tty",) if container.tty else ()),
        *((f"--pidfile={pid_file}",) if pid_file else ()),
        # A typed Ctrl-C comes from the terminal inside, past Delivery. Elsewhere an init program
        # would only hide that a program is missing: it ends with 1, not 127.
        *(("--init", f"--init-path={host.init}") if host.init and container.tty else ()),
        # Mounts keep the user's own SELinux labels instead of being relabelled.
        "--security-opt=label=disable",
        *limits(),
        *(identity(host, container.user)),
        *home(container, env),
        *(() if container.network == "private" else (f"--network={container.network}",)),
        *(f"--publish={port}" for port in container.ports),
        *(f"--device={device}" for device in container.devices),
        *mounted(container.mounts),
        *container.options,
        *((f"--workdir={container.workdir}",) if container.workdir else ()),
        *((f"--entrypoint={container.entrypoint}",) if container.entrypoint else ()),
        *(f"--env={key}={value}" for key, value in env.items()),
        container.image,
        *container.argv,
    ]


def _find(host: Host, wanted: str) -> whales.Listed:
    if found := whales.chosen(_listed(host), wanted):
        return found
    with _client(host) as client:
        if wanted and client.container.exists(wanted):
            raise UsageError(f"container {wanted} was not started by pdbuild", hint="use podman")
    raise UsageError(f"there is no container {wanted!r}")


def _listed(host: Host) -> tuple[whales.Listed, ...]:
    with _client(host) as client:
        return whales.containers(client, PROJECT_LABEL)


def _client(host: Host) -> contextlib.AbstractContextManager[Client]:
    return whales.client(host.podman, *host.flags, "--log-level=error")


def _podman(host: Host, *arguments: str) -> Done:
    """For what must be quick, or be said as podman says it."""
    words = (host.podman, *host.flags, "--log-level=error", *arguments)
    return programs.run(*words, quick=True)


def _of_host(said: bytes) -> bool:
    """Whether what podman said is about this machine, and not about the program."""
    return _NO_DEVICE in said or lacks.of_kernel(_text(said))


def _text(said: bytes) -> str:
    return said.decode(errors="replace")


def _failure(said: bytes) -> EngineError:
    """podman's own words as an error; a device that it does not know has a hint."""
    _, unknown, names = said.partition(_NO_DEVICE)
    if unknown:
        # NVIDIA's own tool, https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/.
        return EngineError(
            "podman: no file in /etc/cdi or /var/run/cdi describes the device "
            + _text(names).split()[0],
            hint="for NVIDIA GPUs an administrator runs: "
            "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
        )
    text = _text(said).strip().removeprefix("Error: ")
    return EngineError(f"podman: {text}" if text else "podman failed")
