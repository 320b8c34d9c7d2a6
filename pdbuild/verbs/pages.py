"""What `pdbuild docs` and `pdbuild browse` have in common."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from pdbuild.commands import pages
from pdbuild.commands.project import Choices, shown
from pdbuild.verbs import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    options.add_recipe(parser)
    add = parser.add_argument
    add(
        "--serve",
        nargs="?",
        type=_port,
        const=pages.PORT,
        metavar="PORT",
        help=f"serve the pages on loopback until Ctrl-C ({pages.PORT}, or a free port)",
    )
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option")
    options.add_building(parser)
    add("--json", action="store_true", help="print where the pages are as JSON")


def run(arguments: Namespace, target: str) -> int:
    """Bake the target; print where its pages are, or serve them until interrupted."""
    choices = Choices(
        recipe=arguments.recipe, settings=dict(options.pair(text) for text in arguments.set)
    )
    made = pages.bake(target, choices, options.building(arguments))

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
        pages.serve(made.folder, arguments.serve, tell)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is not a port")
    return int(text)
