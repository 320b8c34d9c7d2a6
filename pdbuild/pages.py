"""What `pdbuild docs` and `pdbuild browse` share: bake pages, say where they are, serve them."""

from __future__ import annotations

import contextlib
import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices, Options
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

_LOOPBACK = "127.0.0.1"
PORT = 8000


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    options.add_recipe(parser)
    add = parser.add_argument
    add(
        "--serve",
        nargs="?",
        type=_port,
        const=PORT,
        metavar="PORT",
        help=f"serve the pages on loopback until Ctrl-C ({PORT}, or a free port)",
    )
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option")
    options.add_building(parser)
    options.add_output(parser)
    add("--json", action="store_true", help="print where the pages are as JSON")


def run(arguments: Namespace, target: str) -> int:
    """Bake the target; print where its pages are, or serve them until interrupted."""
    from pdbuild.project import shown

    choices = Choices(recipe=arguments.recipe, settings=dict(map(options.setting, arguments.set)))
    made = _bake(target, choices, options.building(arguments))

    def tell(address: str) -> None:
        if arguments.json:
            values = {
                "index": str(made.index),
                "generator": made.generator,
                "address": address,
            }
            print(json.dumps({k: v for k, v in values.items() if v}), flush=True)
        elif arguments.quiet or not made.generator:
            print(address or shown(made.index), flush=True)
        else:
            print(f"{address or shown(made.index)} (made by {made.generator})", flush=True)

    if arguments.serve is None:
        tell("")
    else:
        serve(made.folder, arguments.serve, tell)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What was baked: the folder, and the block that made pages of the source ("": Sphinx)."""

    folder: Path
    generator: str = ""

    @property
    def index(self) -> Path:
        """The page to begin with."""
        return self.folder / "index.html"


def serve(folder: Path, port: int, announce: Callable[[str], None]) -> None:
    """Serve a folder on loopback until SIGINT or SIGTERM; `announce` receives its address.

    Another port is picked when this one is taken. What is baked meanwhile is served at once.
    Raises UsageError for a port that this user may not have.
    """
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from socketserver import TCPServer

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Cache-Control", "no-cache")
            super().end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def server_bind(self) -> None:
            # Not HTTPServer's, which asks the name service for this machine's name.
            TCPServer.server_bind(self)

    handler = partial(Handler, directory=str(folder))
    try:
        server = Server((_LOOPBACK, port), handler)
    except PermissionError:
        problem = f"--serve {port}: you may not use this port"
        raise UsageError(problem, hint="name one above 1023") from None
    except OSError:
        server = Server((_LOOPBACK, 0), handler)
    with server:
        announce(f"http://{_LOOPBACK}:{server.server_address[1]}/")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _bake(target: str, choices: Choices, building: Options) -> Pages:
    """Bake the target "docs" or "browse".

    Raises UsageError for a recipe that has no such table, else as `baking.bake_plan` does.
    """
    from pdbuild.baking import bake_plan, engine_for
    from pdbuild.project import open_recipe, plan_for

    recipe = open_recipe(choices.recipe)
    _check(recipe, target)
    plan = plan_for(recipe, replace(choices, targets=(target,)))
    report = bake_plan(recipe, plan, engine_for(building), building)
    (made,) = plan.targets
    (row,) = report.rows
    folder = Path(building.output or plan.root, made.destination)
    return Pages(folder=folder, generator=row.generator)


def _check(recipe: Recipe, target: str) -> None:
    """Raise UsageError when the recipe has no such pages, with what to add."""
    if target == "docs" and recipe.docs is None:
        raise UsageError(f"{recipe.file} has no [docs]", hint="add [docs] and the block sphinx")
    if target == "browse" and recipe.browse is None:
        raise UsageError(
            f"{recipe.file} has no [browse]", hint="add [browse] and the block doxygen"
        )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is not a port")
    return int(text)
