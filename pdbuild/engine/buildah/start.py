"""Starts Buildah's programs through plumbum, tied to this process."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pdbuild.engine import process

if TYPE_CHECKING:
    from plumbum.machines.local import LocalMachine


def start(words: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> "subprocess.Popen[bytes]":
    """Start a command whose output and errors come in one pipe; it dies when we die.

    It has a session of its own: `process.stop` ends it with all that it started.
    """
    machine = _machine()
    # plumbum adds its own environment, else this process's, to what it is given.
    machine.env.clear()
    machine.env.update(env)
    running = machine[words[0]][words[1:]].popen(
        cwd=str(cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        new_session=True,
        preexec_fn=process.dies_with(os.getpid(), signal.SIGKILL),
    )
    return cast("subprocess.Popen[bytes]", running)


@cache
def _machine() -> "LocalMachine":
    # Imported here: a build that changes nothing starts nothing, and this takes its time.
    from plumbum.machines.local import LocalMachine

    return LocalMachine()
