"""`pdbuild ssh`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pdbuild import options
from pdbuild.choices import Choices


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Start sshd in the dev image: by key, on loopback, as yourself, with the project mounted "
        "at /NAME. It prints the line to log in with, and runs until --stop."
    )
    add = parser.add_argument
    add("--config", action="store_true", help="name the server in ~/.ssh/config")
    add("--key", action="append", default=[], metavar="FILE", help="let in this public key too")
    add("--stop", action="store_true", help="stop the servers of this project")
    options.add_recipe(parser)
    options.add_building(parser)


def run(arguments: Namespace) -> int:
    """Start or stop."""
    from pdbuild.inner import sshd

    choices = Choices(recipe=arguments.recipe)
    if arguments.stop:
        count = sshd.stop(choices)
        print("no server runs" if not count else f"stopped {count}")
        return 0
    server = sshd.start(
        choices,
        options.building(arguments),
        keys=[Path(name) for name in arguments.key],
        include=arguments.config,
    )
    print(f"ssh {server.alias}" if arguments.config else f"ssh -F {server.config} {server.alias}")
    return 0
