"""`pdbuild engines`: what builds and runs here, from where, which version."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", nargs="?", choices=("install",), help="build the pinned engines")
    parser.add_argument("--again", action="store_true", help="even if they are there")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="build them there, for PDBUILD_ENGINES=DIR"
    )


def run(arguments: Namespace) -> int:
    """List them, or build the pinned ones, with progress on stderr."""
    from pdbuild.engine import install

    if arguments.action == "install":
        folder = install.install(
            lambda line: print(line, file=sys.stderr), again=arguments.again, to=arguments.to
        )
        print(f"the engines are in {folder}")
    else:
        print(_listing())
    return 0


def _listing() -> str:
    """A table of all programs that pdbuild uses."""
    from pdbuild import tools
    from pdbuild.table import lines

    rows = [("PROGRAM", "VERSION", "FROM", "WHERE")]
    for entry in tools.listing():
        if entry.tool:
            tool = entry.tool
            rows.append((tool.name, tool.version or "-", tool.origin, str(tool.path)))
        else:
            rows.append((entry.name, "missing", "-", f"{entry.problem}; {entry.hint}"))
    return lines(rows)
