"""`pdbuild prune`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import prune


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Remove the production images of old versions from the image store, and what only they "
        "needed. The versions are those of all projects of yours, by the time of their commits."
    )
    add = parser.add_argument
    add(
        "--keep",
        type=int,
        default=2,
        metavar="N",
        help="so many versions of each image and variant stay (2)",
    )
    add(
        "--caches",
        action="store_true",
        help="remove the engines' caches too, not while a build runs: the next one starts anew",
    )
    add("--dry-run", action="store_true", help="print what would go, and remove nothing")


def run(arguments: Namespace) -> int:
    """Prune, and print what went."""
    pruned = prune.prune(arguments.keep, engines=arguments.caches, dry_run=arguments.dry_run)
    print(prune.as_text(pruned))
    return 0
