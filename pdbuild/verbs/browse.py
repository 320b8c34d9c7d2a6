"""`pdbuild browse`."""

from argparse import ArgumentParser, Namespace

from pdbuild import pages


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Make pages of the source, in which each name leads to its definition, in build/browse, "
        "and serve them with --serve."
    )
    pages.configure(parser)


def run(arguments: Namespace) -> int:
    """Bake the pages, and serve them when asked to."""
    return pages.run(arguments, "browse")
