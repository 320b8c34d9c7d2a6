"""`pdbuild engines`: what builds and runs here, from where, which version."""

import sys

from pdbuild.commands.table import lines
from pdbuild.engine import install, tools


def listing() -> str:
    """A table of all programs that pdbuild uses."""
    rows = [("PROGRAM", "VERSION", "FROM", "WHERE")]
    for entry in tools.listing():
        if entry.tool:
            tool = entry.tool
            rows.append((tool.name, tool.version or "-", tool.origin, str(tool.path)))
        else:
            rows.append((entry.name, "missing", "-", f"{entry.problem}; {entry.hint}"))
    return lines(rows)


def install_all(*, again: bool) -> None:
    """Build the pinned engines unless they are there, with progress on stderr."""
    folder = install.install(lambda line: print(line, file=sys.stderr), again=again)
    print(f"the engines are in {folder}")
