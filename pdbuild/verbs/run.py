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
from pdbuild.container import Container, Mount
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.plan.types import Plan
    from pdbuild.recipe.types import Recipe
    from pdbuild.references import Image
    from pdbuild.store import StoredImage

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
    program = _Program(
        words=words,
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        devices=options.devices(arguments),
        tty=arguments.tty,
        detach=arguments.detach,
    )
    choices, building = options.choices(arguments), options.building(arguments)
    if reference:
        image = _named(reference, choices)
    else:
        image = _of_recipe(choices, building, bake=not arguments.no_bake)
    return _start(image, choices, program)


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
    """The stored image of that name; it is taken as it is."""
    from pdbuild import dirs, references
    from pdbuild.store import Store

    return references.find(Store(dirs.data_dir() / "images"), reference, _platform(choices))


def _of_recipe(choices: Choices, building: Options, *, bake: bool) -> Image:
    """The production image of a variant, as the recipe and the source are now.

    One that the store lacks, or that is out of date, is baked first; unless `bake`, it is taken
    as it is. Either is said. Raises UsageError for a variant or recipe that has no image.
    """
    from pdbuild import dirs
    from pdbuild.project import open_recipe, plan_for
    from pdbuild.references import Image
    from pdbuild.store import Store

    recipe = open_recipe(choices.recipe)
    variants = choices.variants or (recipe.default_variant,)
    if recipe.image is None:
        raise UsageError(f"{recipe.file} has no [image]", hint="add one to run programs in it")
    if len(variants) > 1:
        raise UsageError(f"--variant {','.join(variants)}: a program runs in one image")
    choices = replace(choices, targets=(f"image-{variants[0]}",))
    plan = plan_for(recipe, choices, fetch=False)
    target = plan.targets[0]
    reference = target.tags[0]
    stored = Store(dirs.data_dir() / "images").find(reference, _platform(choices))
    stale = _stale(recipe, plan, stored) if stored else "is not there yet"
    if stale and bake:
        from pdbuild.baking import bake_plan, engine_for

        print(f"{reference} {stale}: baking {target.name}", file=sys.stderr)
        bake_plan(recipe, plan_for(recipe, choices), engine_for(building), building)
    elif not stored:
        raise UsageError(f"{reference} is not there", hint="without --no-bake it is baked first")
    elif stale:
        print(f"{reference} {stale}: running it as it is", file=sys.stderr)
    return Image(
        reference=reference,
        project=recipe.project.name,
        workdir=recipe.image.workdir,
        is_dev=False,
    )


# The parts of what decides an image, as people call them.
_PARTS = {
    "definition": "the recipe",
    "arguments": "an option or the version",
    "source": "the source",
    "hooks": "the hooks",
    "blocks": "the source of a block",
    "base": "the base",
}


def _stale(recipe: Recipe, plan: Plan, stored: StoredImage) -> str:
    """Why a stored image is not what a bake would make now; "" when it is."""
    from pdbuild.baking import contexts_of, state_of

    target = plan.targets[0]
    state = state_of(plan, contexts_of(recipe, plan, bootstrap=False))
    changes = state.changes(target)
    if changes:
        return f"is out of date ({', '.join(_PARTS[part] for part in changes)} changed)"
    if changes is not None and state.baked(target) == stored.digest:
        return ""
    # By another checkout, or it is not remembered. A commit says what the source was.
    committed = recipe.project.version == "git" and not plan.version.endswith("-dirty")
    return "" if committed and plan.version != "0.0.0" else "was not baked from this checkout"


def _platform(choices: Choices) -> str:
    if len(choices.platforms) > 1:
        platforms = ",".join(choices.platforms)
        raise UsageError(f"--platform {platforms}: a program runs on one platform")
    return choices.platforms[0] if choices.platforms else ""


def _start(image: Image, choices: Choices, program: _Program) -> int:
    """Run it, and return its exit code; detached, print the container's id and return 0."""
    from pdbuild import dirs
    from pdbuild.container import host, loading, podman
    from pdbuild.store import Store

    loading.load(Store(dirs.data_dir() / "images"), image.reference, _platform(choices))
    for notice in host.take_notices():
        print(notice, file=sys.stderr)
    container = _container(image, program)
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
