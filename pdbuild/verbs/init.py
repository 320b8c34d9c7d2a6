"""`pdbuild init`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pdbuild.commands import init


def configure(parser: ArgumentParser) -> None:
    """Add the description; there are no arguments."""
    parser.description = "Write pdbuild.toml for the CMake, make or autotools project here."


def run(arguments: Namespace) -> int:
    """Write the recipe."""
    path = init.init(Path.cwd())
    print(f"{path.name} is written; now: pdbuild bake all")
    return 0
