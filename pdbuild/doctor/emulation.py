"""Whether programs of other platforms run here: those that a recipe builds for."""

import tempfile
from pathlib import Path

from pdbuild import programs
from pdbuild.doctor.finding import Finding, ok, warn
from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, native
from pdbuild.recipe.types import Recipe


def foreign(recipe: Recipe | None) -> tuple[str, ...]:
    """The platforms of a recipe that are not this machine's."""
    mine = native().name
    return tuple(p for p in recipe.project.platforms if p != mine) if recipe else ()


def platform(name: str) -> Finding:
    """How programs of a platform are run, or what is lacking for that."""
    if name not in PLATFORMS:
        cost = f"it is not compiled for; {', '.join(PLATFORMS)} are"
        return warn(name, "pdbuild does not compile for it", cost=cost)
    meant = PLATFORMS[name]
    if emulators.host_runs(meant):
        return ok(name, "compiled for here; its programs are run by the host's emulator")
    cost = "its programs do not run: neither tests (TEST=ON) nor `run --platform`"
    found = emulators.interpreters().get(name)
    if found is None:
        mend = "apt install qemu-user-static"
        return warn(name, "compiled for here, and there is no emulator", cost=cost, mend=mend)
    with tempfile.TemporaryDirectory() as folder:
        words = emulators.words(Path(folder))
        registered = f"/proc/sys/fs/binfmt_misc/qemu-{meant.qemu}"
        unshare = ("unshare", "--user", "--map-root-user", "--mount")
        takes = bool(words) and programs.run(*unshare, *words, "test", "-e", registered).code == 0
    if takes:
        return ok(name, f"compiled for here; its programs are run by {found}")
    why = "root" if not words else "a kernel before 6.7"
    mend = "apt install binfmt-support, as root, which registers the emulator with flag F"
    return warn(
        name, f"compiled for here; {why} has the host's emulators alone", cost=cost, mend=mend
    )
