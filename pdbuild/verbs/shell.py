"""`pdbuild shell`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices, Options
from pdbuild.container import Container, Image, Mount
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.inner.session import Session

_SOCKETS = Path("/tmp/.X11-unix")  # where X servers listen, on all systems
_USAGE = "pdbuild shell [OPTIONS] [IMAGE:TAG] [COMMAND [ARGUMENT...]]"
# What an image has.
_ANY_SHELL = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the command and its own come after them, see `options`."""
    parser.usage = _USAGE
    parser.description = (
        "Open a shell, or run COMMAND, in the dev image: as yourself, with the project mounted "
        "at /NAME. With --at, in the state before the step of TARGET that failed. With IMAGE:TAG, "
        "in that one of `pdbuild images`, and with --variant in the image of a variant: the "
        "working directory is mounted there."
    )
    add = parser.add_argument
    add("--at", metavar="TARGET", help="in the state before the failing step of a target")
    add("-t", "--tty", action="store_true", help="a terminal, even if stdin is none")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add("-p", "--port", action="append", default=[], metavar="PORT[:PORT]", help="open a port")
    add("--x11", action="store_true", help="let programs use your X display")
    add("--dotfiles", metavar="FOLDER", help="your shell's files (PDBUILD_DOTFILES)")
    options.add_runtime(parser)
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


parse = options.parse_program


def run(arguments: Namespace) -> int:
    """Run the shell; its exit code."""
    from pdbuild.inner.session import Session

    reference, words = options.image_and_program(arguments)
    choices, devices = options.fitting(arguments)
    dotfiles = arguments.dotfiles
    session = Session(
        words=words,
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        ports=tuple(arguments.port),
        devices=devices,
        dotfiles=os.environ.get("PDBUILD_DOTFILES", "") if dotfiles is None else dotfiles,
        x11=arguments.x11,
        tty=arguments.tty or (sys.stdin.isatty() and sys.stdout.isatty()),
    )
    building = options.building(arguments)
    if reference and arguments.at:
        raise UsageError(f"{reference} is an image: --at is about a target")
    if arguments.at:
        from pdbuild.container import runtimes
        from pdbuild.inner import debug

        runtimes.only_podman(arguments.runtime, "the state before a step")
        return debug.shell(arguments.at, choices, session, building)
    platform = options.one_platform(choices)
    runtime = arguments.runtime
    if reference:
        return _in_image(_named(reference, platform), session, platform, runtime)
    if choices.variants:
        image = _of_variant(choices, building, devices)
        return _in_image(image, session, platform, runtime)
    from pdbuild.platforms import is_foreign

    if is_foreign(platform):
        raise UsageError(
            f"--platform {platform}: the dev image is this machine's",
            hint="an image is for it: pdbuild shell IMAGE:TAG, or --variant NAME",
        )
    return _shell(choices, session, building, runtime)


def _named(reference: str, platform: str) -> Image:
    """A stored image, as it is."""
    from pdbuild import references
    from pdbuild.store import Store

    return references.find(Store.own(), reference, platform)


def _of_variant(choices: Choices, building: Options, devices: tuple[str, ...]) -> Image:
    """The image of the recipe's variant, baked first when it is missing or out of date."""
    from pdbuild import current
    from pdbuild.fitting import settle

    found = current.image(choices, building, platform=options.one_platform(choices), bake=True)
    settle.told(choices, devices)
    return found.image


def _in_image(image: Image, session: Session, platform: str, runtime: str) -> int:
    """Run the session in a production image, with the working directory mounted."""
    from pdbuild.container import foreign, runtimes
    from pdbuild.platforms import is_foreign
    from pdbuild.project import say
    from pdbuild.store import Store

    store = Store.own()
    container = Container(
        image=image.reference,
        mounts=(Mount(source=Path.cwd(), target=image.workdir),),
        workdir=image.workdir,
        project=image.project,
        options=(f"--hostname={image.project}",),
    )
    inside = _inside(container, session, _ANY_SHELL)
    if is_foreign(platform):
        runtimes.only_podman(runtime, f"a program for {platform}")
        return foreign.run(store, inside, platform)
    chosen = runtimes.choose(runtime, say)
    for notice in chosen.load(store, image.reference, platform):
        say(notice)
    return chosen.run(inside)


def _shell(choices: Choices, session: Session, building: Options, asked: str) -> int:
    """Run the session in the dev image as the caller; its exit code."""
    from pdbuild.container import runtimes
    from pdbuild.inner import inside
    from pdbuild.project import open_recipe, say

    runtime = runtimes.choose(asked, say)
    recipe = open_recipe(choices.recipe)
    image = inside.dev_image(recipe, choices, building, runtime)
    who = inside.person(own_uid=runtime.own_uid())
    container = Container(
        image=image,
        env=(("HOME", who.home), ("USER", who.name)),
        mounts=inside.mounts(recipe, who, session.dotfiles),
        workdir=inside.workdir(recipe),
        project=recipe.project.name,
        options=(f"--hostname={recipe.project.name}-dev",),
    )
    container = runtime.known(container, who.entry)
    return runtime.run(_inside(container, session, ("bash",)))


def _inside(place: Container, session: Session, shell: tuple[str, ...]) -> Container:
    """A container that is set up so far, with the session's command, or the shell."""
    from pdbuild.inner.session import DEBUGGING, terminal

    program, *arguments = session.words or shell
    network, ports = _network(session.ports)
    return replace(
        place,
        entrypoint=program,
        argv=tuple(arguments),
        env=(*place.env, *terminal(), *_x11(session), *session.env),
        mounts=(*place.mounts, *_x11_mounts(session), *session.mounts),
        tty=session.tty,
        network=network,
        ports=ports,
        devices=session.devices,
        options=(*place.options, *DEBUGGING),
    )


def _network(ports: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The host's network, in which every port is the host's own; else one to publish from."""
    for port in ports:
        numbers = port.split(":")[-2:]
        if not all(number.isdigit() and 0 < int(number) < 65536 for number in numbers):
            raise UsageError(f"-p {port}: not PORT or [ADDRESS:]PORT:PORT")
    if all(":" not in port for port in ports):
        from pdbuild.project import say

        for port in ports:
            say(f"port {port}: the shell shares this machine's network, nothing is mapped")
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
