"""Programs in an unpacked image by Charliecloud's ch-run, which some sites have for all.

The caller is root inside. The image's files can only be read; `/tmp` is each program's own.
"""

import getpass
from pathlib import Path

from pdbuild.container import Container, unpacked
from pdbuild.container.composed import compose, refuse
from pdbuild.container.foreground import Foreground
from pdbuild.container.missing import by_words
from pdbuild.container.unpacked import found_program
from pdbuild.errors import EngineError
from pdbuild.platforms import native
from pdbuild.store import Store
from pdbuild.transfer.unpack import placed

# What it says of a program that the image does not have, or that is none.
_MISSING = b"can't execve(2): "
_HINT = "apt install charliecloud, or a module of your site's has it"


def require() -> str:
    """Where ch-run is. Raises EngineError when it is not installed."""
    found = found_program("ch-run")
    if not found:
        raise EngineError("ch-run is not installed: --runtime charliecloud", hint=_HINT)
    return found


def run(container: Container) -> int:
    """Run it in the foreground; the program's exit code.

    Raises ProgramError when the image has no such program, UsageError for what cannot be had.
    """
    refuse(container, "charliecloud", "podman has it", "--runtime podman", mounts=False)
    store = Store.own()
    tree = unpacked.load(store, container.image, "") / "root"
    inside = compose(container, store.config(container.image, native().name))
    bound = {mount.target: mount.source for mount in container.mounts}
    placed(tree, dict.fromkeys(("/proc", "/dev", "/sys", "/tmp"), Path("/")) | bound)
    program = Foreground(
        [
            *("env", f"USER={getpass.getuser()}", require()),  # it wants to know who we are
            *("--private-tmp", "--no-passwd", "--uid=0", "--gid=0", "--env-no-expand"),
            *("--unset-env=*", f"--cd={inside.workdir}"),
            *(f"--bind={source}:{target}" for target, source in bound.items()),
            *(f"--set-env={pair}" for pair in inside.pairs),
            *(str(tree), "--", *inside.argv),
        ],
        terminal=container.tty,
        own=(b"ch-run[",),
    )
    code = program.wait()
    if code and (none := by_words(program.held, _MISSING, inside.argv[0], container.image)):
        raise none
    program.release()
    return 128 + program.interrupted_by if program.interrupted_by else code
