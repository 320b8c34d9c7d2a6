"""`pdbuild engines`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import engines


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", nargs="?", choices=("install",), help="build the pinned engines")
    parser.add_argument("--again", action="store_true", help="even if they are there")


def run(arguments: Namespace) -> int:
    """List or install."""
    if arguments.action == "install":
        engines.install_all(again=arguments.again)
    else:
        print(engines.listing())
    return 0
