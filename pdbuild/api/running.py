"""Running a program in an image as a job: on this process's own stdin, stdout and stderr."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.api.audience import Audience
from pdbuild.choices import Choices, Options
from pdbuild.container import Container, Image, Mount
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.container.runtimes import Runtime
    from pdbuild.lastrun import Looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run: a file below the working directory, or a command of the image.

    It reads `stdin`, or this process's.
    """

    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    tty: bool = False
    detach: bool = False
    stdin: bytes | None = None


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
    false it is taken as it is. The program sees the working directory as its own. It runs by
    `runtime`, one of `container.RUNTIMES`; "" is what `runtimes.choose` has for that.
    """

    program: Program
    choices: Choices
    options: Options = field(default_factory=Options)
    image: str = ""
    bake: bool = True
    runtime: str = ""

    def perform(self, audience: Audience) -> Ended:
        """Run it to its end. Raises EngineError when it cannot be started."""
        if self.program.stdin:
            _read_by_what_we_start(self.program.stdin)
        run = self._settled()
        runtime = _runtime(run, audience)
        named = _named(run, runtime, audience) if run.image else None
        image = named or _of_recipe(run, runtime, audience)
        return _start(image, run.program, options.one_platform(run.choices), runtime)

    def _settled(self) -> Run:
        """The same with a variant for `auto`."""
        if self.image or self.choices.variants != ("auto",):
            return self  # people who name theirs do not wait
        from pdbuild.fitting import settle

        choices, devices = settle.settled(self.choices, self.program.devices)
        return replace(self, choices=choices, program=replace(self.program, devices=devices))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Write what a detached program has written to this process's stdout and stderr."""

    id: str
    follow: bool = False

    def perform(self, audience: Audience) -> Ended:
        """Raises UsageError for what pdbuild has not started."""
        from pdbuild.container import runtimes

        return Ended(exit_code=runtimes.logs(self.id, follow=self.follow), id=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End a detached program, which has so many seconds for that, and remove it."""

    id: str
    timeout: int = 10

    def perform(self, audience: Audience) -> None:
        """Raises as that of `Logs` does."""
        from pdbuild.container import runtimes

        runtimes.stop(self.id, timeout=self.timeout)


def _read_by_what_we_start(text: bytes) -> None:
    """Make this text the stdin of this process, and so of what it starts."""
    handle = os.memfd_create("stdin")
    with os.fdopen(handle, "wb", closefd=False) as file:
        file.write(text)
    os.lseek(handle, 0, os.SEEK_SET)
    os.dup2(handle, 0)
    os.close(handle)


def _runtime(run: Run, audience: Audience) -> Runtime | None:
    """What the program runs by; None for another platform's, which podman alone can emulate."""
    from pdbuild.container import runtimes
    from pdbuild.platforms import is_foreign

    platform = options.one_platform(run.choices)
    if is_foreign(platform):
        runtimes.only_podman(run.runtime, f"a program for {platform}")
        return None
    return runtimes.choose(run.runtime, audience.say)


def _named(run: Run, runtime: Runtime | None, audience: Audience) -> Image:
    """The stored image of that name, taken as it is, known to the runtime."""
    from pdbuild import references
    from pdbuild.store import Store

    image = references.find(Store.own(), run.image, options.one_platform(run.choices))
    _load(image, run.choices, runtime, audience)
    return image


def _of_recipe(run: Run, runtime: Runtime | None, audience: Audience) -> Image:
    """The image of the recipe here, known to the runtime.

    People wait for this and the start of podman each time: when nothing has changed since the
    last one, no recipe is read. That a variant does not fit this machine is said each time.
    """
    from pdbuild import lastrun

    choices = run.choices
    if runtime and (remembered := lastrun.recall(choices, runtime.name)):
        if not runtime.listing:
            _load(remembered, choices, runtime, audience)
        return remembered
    from pdbuild import current

    platform = options.one_platform(choices)
    found = current.image(
        choices, run.options, platform=platform, bake=run.bake, show=audience.show
    )
    from pdbuild.fitting import settle

    unfit = settle.told(choices, run.program.devices)
    _load(found.image, choices, runtime, audience, None if unfit else found.looked)
    return found.image


def _load(
    image: Image,
    choices: Choices,
    runtime: Runtime | None,
    audience: Audience,
    looked: Looked | None = None,
) -> None:
    """Have the runtime know the image; remember that it does, with what was `looked` at."""
    if runtime is None:
        return  # it goes there by another name
    from pdbuild import lastrun
    from pdbuild.store import Store

    for notice in runtime.load(Store.own(), image.reference, options.one_platform(choices)):
        audience.say(notice)
    if looked:
        shown = (lastrun.file(runtime.listing()),) if runtime.listing else ()
        seen = replace(looked, parts=(*looked.parts, *shown))
        lastrun.remember(choices, image, seen, runtime.name)


def _start(image: Image, program: Program, platform: str, runtime: Runtime | None) -> Ended:
    """Run it; detached, only start it."""
    container = _container(image, program)
    if runtime is None:
        from pdbuild.container import foreign
        from pdbuild.store import Store

        ids: list[str] = []
        code = foreign.run(
            Store.own(), container, platform, detach=program.detach, started=ids.append
        )
        return Ended(exit_code=code, id="".join(ids))
    if program.detach:
        return Ended(exit_code=0, id=runtime.start(container))
    return Ended(exit_code=runtime.run(container))


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
