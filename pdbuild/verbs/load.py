"""`pdbuild load`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Take images into the store from what `pdbuild save`, podman, docker or skopeo wrote: an "
        "archive of OCI's or docker's form, or a folder that is an OCI layout."
    )
    parser.add_argument("path", metavar="FILE", help="the archive or the folder")


def run(arguments: Namespace) -> int:
    """Load, and print the references."""
    from pdbuild import terminal
    from pdbuild.api.shipping import Load

    print("\n".join(Load(path=Path(arguments.path)).perform(terminal.audience(quiet=False))))
    return 0
