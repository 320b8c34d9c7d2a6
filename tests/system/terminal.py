"""pdbuild as it is typed on a terminal, where all processes of the foreground hear of Ctrl-C."""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping

from .project import Project

QUESTION = "[c]ancel it, [l]eave it alone, or Enter to go on watching: "


def typed(here: Project, *words: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start it on a terminal: what is typed is its stdin, what is shown its stdout."""
    line = shlex.join(map(str, (here.program, *words)))
    argv = ["script", "--quiet", "--return", "--flush", "--command", line, "/dev/null"]
    return here.user.start(argv, cwd=here.root, env=env)


def press(terminal: subprocess.Popen[str], keys: str) -> None:
    """Type that, without a line's end of its own."""
    assert terminal.stdin
    terminal.stdin.write(keys)
    terminal.stdin.flush()


def until(terminal: subprocess.Popen[str], wanted: str) -> str:
    """Read what a terminal shows, up to that."""
    assert terminal.stdout
    said, deadline = "", time.monotonic() + 60
    while wanted not in said:
        data = os.read(terminal.stdout.fileno(), 1 << 12).decode(errors="replace")
        assert data and time.monotonic() < deadline, said
        said += data
    return said
