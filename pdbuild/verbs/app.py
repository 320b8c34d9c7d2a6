"""`pdbuild app`: an application's image, from its first recipe to its last log."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.recipe.types import App, Recipe

_LINES = {
    "init": "write a recipe for the application here, and lock its packages",
    "lock": "fix the versions and checksums of its Python packages",
    "bake": "build its images",
    "run": "run it; COMMAND replaces its own",
    "stop": "stop it, if it was started with -d",
    "logs": "print what it wrote since it was started with -d",
}


def configure(parser: ArgumentParser) -> None:
    """Add the arguments that all of it has in common; `parse` adds an action's own."""
    parser.usage = "pdbuild app ACTION [OPTIONS] ..."
    listed = "; ".join(f"{name}: {line}" for name, line in _LINES.items())
    parser.description = (
        f"An application: an image on top of a production image. {listed}. "
        "`pdbuild app ACTION --help` says more."
    )
    parser.add_argument("action", choices=tuple(_LINES), metavar="ACTION", help="see above")
    options.add_recipe(parser)


def parse(parser: ArgumentParser, words: list[str]) -> Namespace:
    """The arguments of one action, which may stand with a program's own."""
    if not words or words[0] not in _LINES:
        return parser.parse_args(words)  # which says what is wrong, or helps
    name, *rest = words
    line = f"{_LINES[name][0].upper()}{_LINES[name][1:]}."
    own = type(parser)(prog=f"{parser.prog} {name}", description=line)
    _CONFIGURE[name](own)
    own.add_argument("--verbose", action="store_true", help="say which programs are started")
    arguments = options.parse_program(own, rest) if name == "run" else own.parse_args(rest)
    arguments.action = name
    return arguments


def run(arguments: Namespace) -> int:
    """Do it; the exit code, of `run` the program's."""
    return _RUN[arguments.action](arguments)


def _configure_init(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="image",
        default="",
        metavar="IMAGE",
        help="the image that it starts from (the newest production image of the store)",
    )


def _configure_lock(parser: ArgumentParser) -> None:
    options.add_recipe(parser)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")


def _configure_bake(parser: ArgumentParser) -> None:
    options.add_choices(parser)
    options.add_building(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _configure_run(parser: ArgumentParser) -> None:
    parser.usage = "pdbuild app run [OPTIONS] [COMMAND [ARGUMENT...]]"
    add = parser.add_argument
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-d", "--detach", action="store_true", help="print an id and return when it answers")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add(
        "-p",
        "--port",
        action="append",
        default=[],
        metavar="[[ADDRESS:]PORT:]PORT",
        help="publish this port, not those of the recipe",
    )
    add("--no-bake", action="store_true", help="run the image as it is, even if it is out of date")
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


def _configure_stop(parser: ArgumentParser) -> None:
    options.add_recipe(parser)
    parser.add_argument("id", nargs="?", default="", metavar="ID", help="only this one")
    parser.add_argument(
        "--timeout", type=int, default=10, metavar="SECONDS", help="then kill it (10)"
    )


def _configure_logs(parser: ArgumentParser) -> None:
    options.add_recipe(parser)
    parser.add_argument("id", nargs="?", default="", metavar="ID", help="which, if several run")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it ends")


def _init(arguments: Namespace) -> int:
    from pdbuild import draft, pinned
    from pdbuild.project import open_recipe

    path = draft.write(Path.cwd(), arguments.image)
    print(f"{path.name} is written")
    recipe = open_recipe(str(path))
    print(f"{pinned.make(recipe).name} is written")
    print("look at the recipe, then: pdbuild app run")
    return 0


def _lock(arguments: Namespace) -> int:
    from pdbuild import pinned, project

    recipe, _ = _opened(arguments)
    print(f"{project.shown(pinned.make(recipe, upgrade=arguments.upgrade))} is written")
    return 0


def _bake(arguments: Namespace) -> int:
    from pdbuild import baking, pinned, project, report

    recipe, _ = _opened(arguments)
    if problem := pinned.stale(recipe):
        project.say(f"{problem}: locking them")
        pinned.make(recipe)
    plan = project.plan_for(recipe, options.choices(arguments, ("apps",)))
    building = options.building(arguments)
    result = baking.bake_plan(recipe, plan, baking.engine_for(building), building)
    report.show(result, json=arguments.json, quiet=arguments.quiet, progress=arguments.progress)
    return 0


def _run(arguments: Namespace) -> int:
    from pdbuild import application, current
    from pdbuild.container import host, loading
    from pdbuild.project import say
    from pdbuild.store import Store

    _, app = _opened(arguments)
    choices, devices = options.fitting(arguments)
    building = options.building(arguments)
    found = current.image(choices, building, platform="", bake=not arguments.no_bake, kind="app")
    loading.load(Store.own(), found.image.reference, "")
    for notice in host.take_notices():
        say(notice)
    start = application.Start(
        image=found.image.reference,
        words=tuple(arguments.program),
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        ports=tuple(arguments.port),
        devices=devices,
        tty=arguments.tty,
    )
    if arguments.detach:
        print(application.start(app, start), flush=True)
        return 0
    return application.run(app, start)


def _stop(arguments: Namespace) -> int:
    from pdbuild import application
    from pdbuild.container import podman

    _, app = _opened(arguments)
    chosen = (arguments.id,) if arguments.id else application.names(app)
    if not chosen:
        application.the_one(app, "")
    for name in chosen:
        podman.stop(name, timeout=arguments.timeout)
    return 0


def _logs(arguments: Namespace) -> int:
    from pdbuild import application
    from pdbuild.container import podman

    _, app = _opened(arguments)
    return podman.logs(application.the_one(app, arguments.id), follow=arguments.follow)


def _opened(arguments: Namespace) -> tuple[Recipe, App]:
    """The recipe that is meant, and its application. One that has an application goes first."""
    from pdbuild import project
    from pdbuild.recipe import load

    chosen = arguments.recipe or load.with_app(Path.cwd())
    arguments.recipe = chosen
    recipe = project.open_recipe(chosen)
    if recipe.app is None:
        raise UsageError(f"{recipe.file} has no [app]", hint="`pdbuild app init` writes one")
    return recipe, recipe.app


_CONFIGURE: dict[str, Callable[[ArgumentParser], None]] = {
    "init": _configure_init,
    "lock": _configure_lock,
    "bake": _configure_bake,
    "run": _configure_run,
    "stop": _configure_stop,
    "logs": _configure_logs,
}
_RUN: dict[str, Callable[[Namespace], int]] = {
    "init": _init,
    "lock": _lock,
    "bake": _bake,
    "run": _run,
    "stop": _stop,
    "logs": _logs,
}
