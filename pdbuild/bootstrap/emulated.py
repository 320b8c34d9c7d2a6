"""A base of another platform: its packages' scripts are run by an emulator.

mmdebstrap's own user namespace would know none, so it runs as root of one that is made for it,
in which the kernel is told of the emulator.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pdbuild.engine import emulators
from pdbuild.errors import EngineError
from pdbuild.platforms import Platform

_HERE = Path(__file__).parent


def command(mmdebstrap: Path, options: Sequence[str], suite: str, target: Path) -> list[str]:
    """The command that writes the base; the folder of `target` is for what it reads."""
    devices = f'sh {shlex.quote(str(_HERE / "dev.sh"))} "$1"'
    return [
        *("unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--pid", "--fork"),
        *("--kill-child", *emulators.words(target.parent)),
        *(str(mmdebstrap), *options, "--mode=root", "--skip=check/qemu,chroot/mount/dev"),
        f"--setup-hook={devices}",
        # mmdebstrap removes its folder in the end, and cannot where something is mounted in it.
        '--customize-hook=umount --lazy "$1/dev"',
        *(suite, str(target)),
    ]


def check(platform: Platform, *, root: bool, one_id: bool) -> None:
    """Raise EngineError when there is no way to run the platform's programs meanwhile."""
    problem, hint = "", "apt install qemu-user-static"
    if root and not emulators.host_runs(platform):
        problem = "as root, the host's binfmt_misc must run its programs, with flag F"
        hint += " binfmt-support; or bake as an ordinary user"
    elif one_id:
        problem = "that takes an account with a range of user ids"
        hint = "pdbuild doctor"
    elif not root and platform.name not in emulators.interpreters():
        problem = "there is no emulator for its programs"
    if problem:
        raise EngineError(f"a base of {platform.name} cannot be made here: {problem}", hint=hint)
