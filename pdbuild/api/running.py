"""Running a program in an image as a job: on this process's own stdin, stdout and stderr."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.api.audience import Audience
from pdbuild.api.events import Notice
from pdbuild.choices import Choices, Options
from pdbuild.container import Container, Image, Mount
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.lastrun import Looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run: a file below the working directory, or a command of the image."""

    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    tty: bool = False
    detach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended, and what it wrote, where that was read.

    `id` names the container of one that runs on; its `exit_code` is 0.
    """

    exit_code: int
    id: str = ""
    stdout: str = ""
    stderr: str = ""


def finish(value: object, stdout: str, stderr: str) -> Ended:
    """How a program ended whose output was read."""
    assert isinstance(value, Ended)
    return replace(value, stdout=stdout, stderr=stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run a program in an image of the store, `image`, or in that of the variant of `choices`.

    The latter is baked first, with `options`, when it is missing or out of date; with `bake`
    false it is taken as it is. The program sees the working directory as its own.
    """

    program: Program
    choices: Choices
    options: Options = field(default_factory=Options)
    image: str = ""
    bake: bool = True

    def perform(self, audience: Audience) -> Ended:
        """Run it to its end. Raises EngineError when it cannot be started."""
        run = self._settled()
        named = _named(run.image, run.choices, audience) if run.image else None
        image = named or _of_recipe(run, audience)
        return _start(image, run.program, options.one_platform(run.choices))

    def _settled(self) -> Run:
        """The same with a variant for `auto`."""
        if self.image or self.choices.variants != ("auto",):
            return self  # people who name theirs do not wait
        from pdbuild.fitting import settle

        choices, devices = settle.settled(self.choices, self.program.devices)
        return replace(self, choices=choices, program=replace(self.program, devices=devices))


def _named(reference: str, choices: Choices, audience: Audience) -> Image:
    """The stored image of that name, taken as it is, known to podman."""
    from pdbuild import references
    from pdbuild.store import Store

    image = references.find(Store.own(), reference, options.one_platform(choices))
    _load(image, choices, audience)
    return image


def _of_recipe(run: Run, audience: Audience) -> Image:
    """The image of the recipe here, known to podman.

    People wait for this and the start of podman each time: when nothing has changed since the
    last one, no recipe is read. That a variant does not fit this machine is said each time.
    """
    from pdbuild import lastrun

    choices = run.choices
    if remembered := lastrun.recall(choices):
        return remembered
    from pdbuild import current

    platform = options.one_platform(choices)
    found = current.image(
        choices, run.options, platform=platform, bake=run.bake, show=audience.show
    )
    from pdbuild.fitting import settle

    unfit = settle.told(choices, run.program.devices)
    _load(found.image, choices, audience, None if unfit else found.looked)
    return found.image


def _load(image: Image, choices: Choices, audience: Audience, looked: Looked | None = None) -> None:
    """Have podman know the image; remember that it does, with what was `looked` at."""
    from pdbuild.platforms import is_foreign

    if is_foreign(options.one_platform(choices)):
        return  # it goes there by another name
    from pdbuild import lastrun
    from pdbuild.container import host, loading
    from pdbuild.store import Store

    loading.load(Store.own(), image.reference, options.one_platform(choices))
    for notice in host.take_notices():
        audience.tell(Notice(text=notice))
    if looked:
        parts = (*looked.parts, lastrun.file(loading.listing(host.find())))
        lastrun.remember(choices, image, replace(looked, parts=parts))


def _start(image: Image, program: Program, platform: str) -> Ended:
    """Run it; detached, only start it."""
    container = _container(image, program)
    from pdbuild.platforms import is_foreign

    if is_foreign(platform):
        from pdbuild.container import foreign
        from pdbuild.store import Store

        ids: list[str] = []
        code = foreign.run(
            Store.own(), container, platform, detach=program.detach, started=ids.append
        )
        return Ended(exit_code=code, id="".join(ids))
    from pdbuild.container import podman

    if program.detach:
        return Ended(exit_code=0, id=podman.start(container))
    return Ended(exit_code=podman.run(container))


def _container(image: Image, program: Program) -> Container:
    here = Path.cwd()
    words = placed(program.words, here, image.workdir, program.mounts)
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


def placed(
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
