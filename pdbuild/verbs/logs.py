"""`pdbuild logs`."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "id", metavar="ID", help="what `pdbuild run -d` printed, or a job of `pdbuild jobs`"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it ends")


def run(arguments: Namespace) -> int:
    """Print the log."""
    from pdbuild.jobs import kept

    if kept.is_name(arguments.id):
        from pdbuild.jobs import outputs, watch

        seen = outputs.of(kept.find(arguments.id), follow=arguments.follow)
        if arguments.follow:
            watch.follow(seen)
        else:
            watch.show(seen)
        return 0
    from pdbuild.container import runtimes

    return runtimes.logs(arguments.id, follow=arguments.follow)
