"""`pdbuild docs` and `pdbuild browse`: bake pages, say where they are, and serve them."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild.commands.bake import Options, bake_plan, engine_for
from pdbuild.commands.project import Choices, open_recipe, plan_for
from pdbuild.errors import UsageError
from pdbuild.recipe.types import Recipe

_LOOPBACK = "127.0.0.1"
PORT = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What was baked: the folder, and the block that made pages of the source ("": Sphinx)."""

    folder: Path
    generator: str = ""

    @property
    def index(self) -> Path:
        """The page to begin with."""
        return self.folder / "index.html"


def bake(target: str, choices: Choices, options: Options) -> Pages:
    """Bake the target "docs" or "browse".

    Raises UsageError for a recipe that has no such table, else as `commands.bake` does.
    """
    recipe = open_recipe(choices.recipe)
    _check(recipe, target)
    plan = plan_for(recipe, replace(choices, targets=(target,)))
    report = bake_plan(recipe, plan, engine_for(options), options)
    (made,) = plan.targets
    (row,) = report.rows
    return Pages(folder=Path(plan.root, made.destination), generator=row.generator)


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


def _check(recipe: Recipe, target: str) -> None:
    """Raise UsageError when the recipe has no such pages, with what to add."""
    if target == "docs" and recipe.docs is None:
        raise UsageError(f"{recipe.file} has no [docs]", hint="add [docs] and the block sphinx")
    if target == "browse" and recipe.browse is None:
        raise UsageError(
            f"{recipe.file} has no [browse]", hint="add [browse] and the block doxygen"
        )
