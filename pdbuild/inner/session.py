"""A session in a container of the dev image: what runs there, and what it is given."""

import os
from dataclasses import dataclass

from pdbuild.container import Mount

# What a debugger needs: to attach, and to switch the randomization of addresses off.
DEBUGGING = ("--cap-add=SYS_PTRACE", "--security-opt=seccomp=unconfined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What runs in the shell's place (`words`; empty: bash), and what it is given."""

    words: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dotfiles: str = ""
    x11: bool = False
    tty: bool = False


def terminal() -> tuple[tuple[str, str], ...]:
    """What programs must know of the caller's terminal."""
    names = ("TERM", "COLORTERM", "NO_COLOR")
    return tuple((name, os.environ[name]) for name in names if os.environ.get(name))
