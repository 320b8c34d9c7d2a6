"""`pdbuild logs`."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("id", metavar="ID", help="what `pdbuild run -d` printed")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it ends")


def run(arguments: Namespace) -> int:
    """Print the log."""
    from pdbuild.container import podman

    return podman.logs(arguments.id, follow=arguments.follow)
