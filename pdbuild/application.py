"""Runs an application's image: its ports, and where people find it."""

import contextlib
import os
import secrets
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pdbuild.container import Container, Mount, podman
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe.types import App

# Jupyter takes its token from there; without it, it makes up one that only its log has.
_TOKEN = "JUPYTER_TOKEN"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port of an application, and the address and port of this machine that lead to it."""

    inside: int
    address: str
    outside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start an application: `image` is its reference, `words` replace its command."""

    image: str
    words: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    tty: bool = False


def run(app: App, start: Start) -> int:
    """Run it in the foreground, and say where it is once it answers; its exit code."""
    container, ports = _container(app, start)
    threading.Thread(target=_announce, args=(container, ports), daemon=True).start()
    return podman.run(container)


def start(app: App, start: Start, *, seconds: float = 60) -> str:
    """Start it in the background, and say where it is; its id.

    Raises EngineError when it ends before it answers; one that has no port is not waited for.
    """
    container, ports = _container(app, start)
    identity = podman.start(container)

    def lives() -> bool:
        return container.name in podman.named(container.name, running=True)

    _announce(container, ports[:1], seconds=seconds, lives=lives)
    if ports and not lives():
        raise EngineError(f"{app.name} has ended", hint=f"pdbuild app logs {identity[:12]}")
    return identity


def names(app: App) -> tuple[str, ...]:
    """The containers of an application that were started in the background, by name."""
    return podman.named(_prefix(app))


def the_one(app: App, chosen: str) -> str:
    """The container that is meant. Raises UsageError when none is, or several are."""
    found = (chosen,) if chosen else names(app)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{app.name} runs {len(found)} times", hint=f"name one: {' '.join(found)}")
    raise UsageError(f"{app.name} does not run", hint="pdbuild app run -d starts it")


def _prefix(app: App) -> str:
    return f"pdbuild-app-{app.name}-"


def _container(app: App, start: Start) -> tuple[Container, tuple[Port, ...]]:
    network, ports = published(app, start.ports)
    env = dict(start.env)
    if not start.words and app.command[:1] == ("jupyter",) and _TOKEN not in app.environment:
        env.setdefault(_TOKEN, secrets.token_hex(24))
    made = Container(
        image=start.image,
        argv=start.words,
        env=tuple(env.items()),
        mounts=start.mounts,
        user=app.user if app.user[:1].isdigit() else "",
        tty=start.tty,
        network=network,
        ports=tuple(f"{p.address}:{p.outside}:{p.inside}" for p in ports)
        if network == "private"
        else (),
        devices=start.devices,
        project=app.name,
        name=f"{_prefix(app)}{os.urandom(3).hex()}",
    )
    return made, ports


def published(app: App, asked: Sequence[str]) -> tuple[str, tuple[Port, ...]]:
    """The network that an application runs in, and its ports.

    They are published on the loopback, under their own numbers where these are free. Where
    podman cannot publish, it shares this machine's network. Raises UsageError for what is no port.
    """
    ports = tuple(map(_port, asked)) if asked else tuple(map(_own, app.expose))
    if not ports:
        return "private" if podman.publishes() else "host", ()
    if podman.publishes():
        return "private", tuple(map(_with_free, ports))
    for port in ports:
        if port.inside != port.outside:
            raise podman.unpublished(f"{port.outside}:{port.inside}")
        if not _free(port.address, port.outside):
            raise UsageError(
                f"port {port.outside} of this machine is taken, and podman cannot map another here",
                hint="-p names the ports that are needed; passt or slirp4netns maps them",
            )
    _say(f"{app.name} shares this machine's network: podman has neither pasta nor slirp4netns")
    return "host", ports


def _own(number: int) -> Port:
    return Port(inside=number, address=_LOOPBACK, outside=number)


def _port(text: str) -> Port:
    """`PORT`, `PORT:PORT` or `ADDRESS:PORT:PORT`."""
    address = text.rpartition(":")[0].rpartition(":")[0]
    numbers = text.split(":")[-2:]
    if not all(number.isdigit() and 0 < int(number) < 65536 for number in numbers):
        raise UsageError(f"-p {text}: not PORT or [ADDRESS:]PORT:PORT")
    return Port(inside=int(numbers[-1]), address=address or _LOOPBACK, outside=int(numbers[0]))


def _with_free(port: Port) -> Port:
    """The port, or when that one is taken another one of this machine."""
    for number in (port.outside, 0):
        if free := _free(port.address, number):
            return Port(inside=port.inside, address=port.address, outside=free)
    return port  # podman says what is wrong with it


def _free(address: str, number: int) -> int:
    """The port if nobody has it now, of 0 any that is free; else 0."""
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, number))
        return int(probe.getsockname()[1])
    return 0


def _announce(
    container: Container,
    ports: Sequence[Port],
    *,
    seconds: float = 600,
    lives: Callable[[], bool] = lambda: True,
) -> None:
    """Say where the ports lead to, as soon as each answers to a browser's request."""
    waiting, until = list(ports), time.monotonic() + seconds
    while waiting and time.monotonic() < until and lives():
        for port in [port for port in waiting if _answers(port)]:
            waiting.remove(port)
            _say(f"{container.project} is at {address(container, port, first=port == ports[0])}")
        time.sleep(0.3)


def address(container: Container, port: Port, *, first: bool) -> str:
    """What people give their browser; the token is that of the first port."""
    token = dict(container.env).get(_TOKEN, "") if first else ""
    host = _LOOPBACK if port.address in ("", "0.0.0.0") else port.address
    return f"http://{host}:{port.outside}/" + (f"?token={token}" if token else "")


def _answers(port: Port) -> bool:
    host = _LOOPBACK if port.address in ("", "0.0.0.0") else port.address
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(f"http://{host}:{port.outside}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
