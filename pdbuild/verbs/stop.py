"""`pdbuild stop`."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("id", metavar="ID", help="what `pdbuild run -d` printed")
    parser.add_argument(
        "-t", "--timeout", type=int, default=10, metavar="SECONDS", help="then kill it (10)"
    )


def run(arguments: Namespace) -> int:
    """Stop the program and remove its container."""
    from pdbuild.container import runtimes

    runtimes.stop(arguments.id, timeout=arguments.timeout)
    return 0
