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
    from pdbuild import terminal
    from pdbuild.api.shipping import Pull

    audience = terminal.audience(quiet=arguments.quiet)
    for image in arguments.remote:
        job = Pull(image=image, platform=arguments.platform, access=options.registry(arguments))
        there = job.perform(audience)
        old = "" if arguments.quiet or there.new else ": was there already"
        print(f"{there.reference}{old}", flush=True)
    return 0
