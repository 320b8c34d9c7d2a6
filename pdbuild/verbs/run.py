"""`pdbuild run`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices, Options
from pdbuild.container import Container, Image, Mount
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.lastrun import Looked

_USAGE = "pdbuild run [OPTIONS] [IMAGE:TAG] PROGRAM [ARGUMENT...]"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the program and its own come after them, see `options`."""
    parser.usage = _USAGE
    parser.description = (
        "Run a program in a production image, as yourself. PROGRAM is a file below the working "
        "directory, or a command of the image. Options may stand before PROGRAM or directly "
        "after it; the rest is the program's. The image is that of a variant of the recipe here, "
        "or any of `pdbuild images`, such as paddle:0.1."
    )
    add = parser.add_argument
    add("-i", "--interactive", action="store_true", help="keep stdin open (it always is)")
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-d", "--detach", action="store_true", help="print an id and return")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add("--no-bake", action="store_true", help="run the image as it is, even if it is out of date")
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


parse = options.parse_program


def run(arguments: Namespace) -> int:
    """Run the program; its exit code."""
    reference, words = options.image_and_program(arguments)
    if not words:
        raise UsageError("run: no program", hint=_USAGE)
    choices, devices = options.fitting(arguments)
    program = _Program(
        words=words,
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        devices=devices,
        tty=arguments.tty,
        detach=arguments.detach,
    )
    if reference:
        image = _named(reference, choices)
    else:
        building = options.building(arguments)
        image = _of_recipe(choices, building, devices, bake=not arguments.no_bake)
    return _start(image, program, options.one_platform(choices))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """What to run: a file below the working directory, or a command of the image."""

    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    tty: bool = False
    detach: bool = False


def _named(reference: str, choices: Choices) -> Image:
    """The stored image of that name, taken as it is, known to podman."""
    from pdbuild import references
    from pdbuild.store import Store

    image = references.find(Store.own(), reference, options.one_platform(choices))
    _load(image, choices)
    return image


def _of_recipe(
    choices: Choices, building: Options, devices: tuple[str, ...], *, bake: bool
) -> Image:
    """The image of the recipe here, known to podman.

    People wait for this and the start of podman each time: when nothing has changed since the
    last one, no recipe is read. That a variant does not fit this machine is said each time.
    """
    from pdbuild import lastrun

    if remembered := lastrun.recall(choices):
        return remembered
    from pdbuild import current

    found = current.image(choices, building, platform=options.one_platform(choices), bake=bake)
    from pdbuild.fitting import settle

    unfit = settle.told(choices, devices)
    _load(found.image, choices, None if unfit else found.looked)
    return found.image


def _load(image: Image, choices: Choices, looked: Looked | None = None) -> None:
    """Have podman know the image; remember that it does, with what was `looked` at."""
    from pdbuild.platforms import is_foreign

    if is_foreign(options.one_platform(choices)):
        return  # it goes there by another name
    from pdbuild import lastrun
    from pdbuild.container import host, loading
    from pdbuild.store import Store

    loading.load(Store.own(), image.reference, options.one_platform(choices))
    for notice in host.take_notices():
        print(notice, file=sys.stderr)
    if looked:
        parts = (*looked.parts, lastrun.file(loading.listing(host.find())))
        lastrun.remember(choices, image, replace(looked, parts=parts))


def _start(image: Image, program: _Program, platform: str) -> int:
    """Run it, and return its exit code; detached, print the container's id and return 0."""
    container = _container(image, program)
    from pdbuild.platforms import is_foreign

    if is_foreign(platform):
        from pdbuild.container import foreign
        from pdbuild.store import Store

        return foreign.run(Store.own(), container, platform, detach=program.detach)
    from pdbuild.container import podman

    if program.detach:
        print(podman.start(container))
        return 0
    return podman.run(container)


def _container(image: Image, program: _Program) -> Container:
    here = Path.cwd()
    words = _placed(program.words, here, image.workdir, program.mounts)
    entrypoint = ""
    if image.is_dev:  # whose own entrypoint would build the project
        entrypoint, *rest = ("python3", *words) if words[0].endswith(".py") else words
        words = tuple(rest)
    return Container(
        image=image.reference,
        entrypoint=entrypoint,
        argv=words,
        env=program.env,
        mounts=(Mount(source=here, target=image.workdir), *program.mounts),
        devices=program.devices,
        workdir=image.workdir,
        tty=program.tty,
        project=image.project,
    )


def _placed(
    words: tuple[str, ...], here: Path, workdir: str, mounts: Sequence[Mount] = ()
) -> tuple[str, ...]:
    """The command as the container sees it: a file here is below the working directory there.

    Other words are commands of the image, or files of `mounts`.
    """
    if not words:
        return ()
    first = Path(words[0])
    path = Path(os.path.normpath(here / first))
    is_program = first.suffix == ".py"
    if path.is_relative_to(here) and path.is_file():
        return (f"{workdir.rstrip('/')}/{path.relative_to(here).as_posix()}", *words[1:])
    if first.is_absolute() and (
        not is_program or any(first.is_relative_to(place) for place in _visible(workdir, mounts))
    ):
        return words
    if path.is_file():
        raise UsageError(
            f"{words[0]} is outside the working directory, which is all that the program sees",
            hint=f"go to its folder, or mount it: -v {path.parent}:/program",
        )
    if is_program:
        raise UsageError(f"there is no file {words[0]}")
    return words


def _visible(workdir: str, mounts: Sequence[Mount]) -> Iterator[str]:
    yield workdir
    yield from (mount.target for mount in mounts)
