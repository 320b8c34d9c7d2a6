"""`pdbuild schema`."""

import json
from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Print the JSON schema of recipes, by which editors complete and check them."
    )
    parser.add_argument("--block", action="store_true", help="that of toolchain blocks instead")


def run(arguments: Namespace) -> int:
    """Print it."""
    from pdbuild.recipe import schema

    print(json.dumps(schema.block() if arguments.block else schema.recipe(), indent=2))
    return 0
