"""`pdbuild docs`."""

from argparse import ArgumentParser, Namespace

from pdbuild import pages


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = "Build the documentation into build/docs, and serve it with --serve."
    pages.configure(parser)


def run(arguments: Namespace) -> int:
    """Bake the pages, and serve them when asked to."""
    return pages.run(arguments, "docs")
