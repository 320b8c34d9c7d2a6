"""`pdbuild shell`: a shell in the dev image, with the source mounted."""

import os
from dataclasses import dataclass
from pathlib import Path

from pdbuild.commands import inside
from pdbuild.commands.bake import Options
from pdbuild.commands.project import Choices, open_recipe
from pdbuild.container import Container, Mount
from pdbuild.errors import UsageError

# What a debugger needs: to attach, and to switch the randomization of addresses off.
DEBUGGING = ("--cap-add=SYS_PTRACE", "--security-opt=seccomp=unconfined")
_SOCKETS = Path("/tmp/.X11-unix")  # where X servers listen, on all systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What runs in the shell's place (`words`; empty: bash), and what it is given."""

    words: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dotfiles: str = ""
    x11: bool = False
    tty: bool = False


def shell(choices: Choices, session: Session, options: Options) -> int:
    """Run the session in the dev image as the caller; its exit code."""
    recipe = open_recipe(choices.recipe)
    image = inside.dev_image(recipe, choices, options)
    from pdbuild.container import host, podman

    who = inside.person(host.find())
    program, *arguments = session.words or ("bash",)
    network, ports = _network(session.ports)
    container = Container(
        image=image,
        entrypoint=program,
        argv=tuple(arguments),
        env=(("HOME", who.home), ("USER", who.name), *terminal(), *_x11(session), *session.env),
        mounts=(
            *inside.mounts(recipe, who, session.dotfiles),
            *_x11_mounts(session),
            *session.mounts,
        ),
        workdir=inside.workdir(recipe),
        tty=session.tty,
        network=network,
        ports=ports,
        devices=session.devices,
        project=recipe.project.name,
        options=(*who.options, *DEBUGGING, f"--hostname={recipe.project.name}-dev"),
    )
    return podman.run(container)


def terminal() -> tuple[tuple[str, str], ...]:
    """What programs must know of the caller's terminal."""
    names = ("TERM", "COLORTERM", "NO_COLOR")
    return tuple((name, os.environ[name]) for name in names if os.environ.get(name))


def _network(ports: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The host's network, in which every port is the host's own; else one to publish from."""
    for port in ports:
        numbers = port.split(":")[-2:]
        if not all(number.isdigit() and 0 < int(number) < 65536 for number in numbers):
            raise UsageError(f"-p {port}: not PORT or [ADDRESS:]PORT:PORT")
    if all(":" not in port for port in ports):
        for port in ports:
            inside.say(f"port {port}: the shell shares this machine's network, nothing is mapped")
        return "host", ()
    return "private", tuple(port if ":" in port else f"{port}:{port}" for port in ports)


def _x11(session: Session) -> tuple[tuple[str, str], ...]:
    if not session.x11:
        return ()
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise UsageError("--x11: DISPLAY is not set", hint="run it in a graphical session")
    known = (("XAUTHORITY", "/run/pdbuild/Xauthority"),) if _authority().is_file() else ()
    return (("DISPLAY", display), *known)


def _x11_mounts(session: Session) -> tuple[Mount, ...]:
    if not session.x11:
        return ()
    found = []
    if _SOCKETS.is_dir():
        found.append(Mount(source=_SOCKETS, target=str(_SOCKETS), read_only=True))
    if _authority().is_file():
        found.append(Mount(source=_authority(), target="/run/pdbuild/Xauthority", read_only=True))
    return tuple(found)


def _authority() -> Path:
    return Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")
