"""`pdbuild pull`."""

from argparse import ArgumentParser, Namespace

from pdbuild import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Take images from a registry into the store, under their full names, with all of their "
        "platforms. `pdbuild run HOST/PATH:TAG` runs one."
    )
    add = parser.add_argument
    add("remote", nargs="+", metavar="HOST/PATH:TAG", help="the image")
    add("--platform", default="", metavar="OS/ARCH", help="only this platform")
    options.add_registry(parser)
    add("-q", "--quiet", action="store_true", help="print only the references")


def run(arguments: Namespace) -> int:
    """Pull, and print what the store has now."""
    import sys

    from pdbuild.store import Store
    from pdbuild.transfer.pull import pull

    for reference in arguments.remote:
        full, new = pull(
            Store.own(),
            reference,
            options.registry(arguments),
            platform=arguments.platform,
            stream=None if arguments.quiet else sys.stderr,
        )
        print(full if arguments.quiet or new else f"{full}: was there already", flush=True)
    return 0
