"""Programs in an unpacked image by namespaces alone: nothing is installed for it.

The caller is root inside. What a program writes outside of its mounts is gone afterwards.
"""

from pathlib import Path

from pdbuild import account
from pdbuild.account import Rung
from pdbuild.container import Container, Mount, direct, missing, unpacked
from pdbuild.container.composed import compose, refuse
from pdbuild.errors import EngineError
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
    devices = (Mount(source=Path(name), target=name) for name in container.devices)
    program = direct.Program(
        argv=inside.argv,
        env=inside.env,
        mounts=(*container.mounts, *devices),
        workdir=inside.workdir,
    )
    try:
        return direct.run(direct.Image(storage=str(tree), layers=("root",), env=()), program)
    except direct.Missing as reason:
        raise missing.ProgramError(inside.argv[0], container.image, reason.code) from None
    except direct.Unavailable as reason:
        raise EngineError(f"--runtime unshare: {reason}") from None
