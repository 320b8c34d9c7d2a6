"""`pdbuild images`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import images


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON (sizes in bytes)")


def run(arguments: Namespace) -> int:
    """List the image store."""
    print(images.listing(as_json=arguments.json))
    return 0
