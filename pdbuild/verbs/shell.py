"""`pdbuild shell`."""

import os
import sys
from argparse import ArgumentParser, Namespace

from pdbuild.commands import debug
from pdbuild.commands import shell as command
from pdbuild.verbs import options
from pdbuild.verbs.run import parse

__all__ = ["configure", "parse", "run"]

_USAGE = "pdbuild shell [OPTIONS] [COMMAND [ARGUMENT...]]"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the command and its own come after them, see `run.parse`."""
    parser.usage = _USAGE
    parser.description = (
        "Open a shell, or run COMMAND, in the dev image: as yourself, with the project mounted "
        "at /NAME. With --at, in the state before the step of TARGET that failed."
    )
    add = parser.add_argument
    add("--at", metavar="TARGET", help="in the state before the failing step of a target")
    add("-t", "--tty", action="store_true", help="a terminal, even if stdin is none")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add("-p", "--port", action="append", default=[], metavar="PORT[:PORT]", help="open a port")
    add("--x11", action="store_true", help="let programs use your X display")
    add("--dotfiles", metavar="FOLDER", help="your shell's files (PDBUILD_DOTFILES)")
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


def run(arguments: Namespace) -> int:
    """Run the shell; its exit code."""
    dotfiles = arguments.dotfiles
    session = command.Session(
        words=tuple(arguments.program),
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        ports=tuple(arguments.port),
        devices=options.devices(arguments),
        dotfiles=os.environ.get("PDBUILD_DOTFILES", "") if dotfiles is None else dotfiles,
        x11=arguments.x11,
        tty=arguments.tty or (sys.stdin.isatty() and sys.stdout.isatty()),
    )
    choices, building = options.choices(arguments), options.building(arguments)
    if arguments.at:
        return debug.shell(arguments.at, choices, session, building)
    return command.shell(choices, session, building)
