"""`pdbuild cancel`."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("job", nargs="+", metavar="JOB", help="a name of `pdbuild jobs`")


def run(arguments: Namespace) -> int:
    """Cancel them all."""
    from pdbuild.jobs import kept, places

    for sent in [kept.find(name) for name in arguments.job]:
        places.cancel(sent)
    return 0
