"""Programs in an unpacked image by namespaces alone: nothing is installed for it.

The caller is root inside. What a program writes outside of its mounts is gone afterwards.
"""

import stat
from pathlib import Path

from pdbuild import account
from pdbuild.account import Rung
from pdbuild.container import Container, Mount, direct, missing, unpacked
from pdbuild.container.composed import compose, refuse
from pdbuild.errors import EngineError, UsageError
from pdbuild.platforms import native
from pdbuild.store import Store


def require() -> None:
    """Raise EngineError, with what to ask for, where the kernel gives no namespaces."""
    found = account.find()
    if found.rung is Rung.C:
        raise EngineError(f"--runtime unshare: {found.why}", hint=found.hint)


def run(container: Container) -> int:
    """Run it in the foreground; the program's exit code.

    Raises ProgramError when the image has no such program, UsageError for what cannot be had.
    """
    refuse(container, "unshare", "it is namespaces alone", "podman has that")
    store = Store.own()
    tree = unpacked.load(store, container.image, "")
    inside = compose(container, store.config(container.image, native().name))
    devices = (_device(name) for name in container.devices)
    program = direct.Program(
        argv=inside.argv,
        env=inside.env,
        mounts=(*container.mounts, *devices),
        workdir=inside.workdir,
    )
    try:
        image = direct.Image(storage=str(tree), layers=("root",), env=())
        return direct.run(image, program, passing=True)
    except direct.Missing as reason:
        raise missing.ProgramError(inside.argv[0], container.image, reason.code) from None
    except direct.Unavailable as reason:
        raise EngineError(f"--runtime unshare: {reason}") from None


def _device(name: str) -> Mount:
    """The mount that `--device SOURCE[:TARGET[:PERMISSIONS]]` means."""
    source, target, *_ = (*name.split(":"), "")
    try:
        is_device = stat.S_IFMT(Path(source).stat().st_mode) in (stat.S_IFCHR, stat.S_IFBLK)
    except OSError as error:
        raise UsageError(f"--device {name}: {error.strerror}") from None
    if not is_device:
        raise UsageError(f"--device {name}: {source} is not a device")
    return Mount(source=Path(source), target=target or source)
