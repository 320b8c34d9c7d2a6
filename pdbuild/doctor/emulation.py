"""Whether programs of other platforms run here, and those for other CPUs than this one."""

import shutil
import tempfile
from pathlib import Path

from pdbuild import programs, tools
from pdbuild.doctor.finding import Finding, ok, warn
from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, native
from pdbuild.recipe.types import Recipe


def foreign(recipe: Recipe | None) -> tuple[str, ...]:
    """The platforms of a recipe that are not this machine's."""
    mine = native().name
    return tuple(p for p in recipe.project.platforms if p != mine) if recipe else ()


def claims_cpu(recipe: Recipe | None) -> bool:
    """Whether a recipe claims that its programs run on another CPU: `run` in [verify.cpu]."""
    return bool(recipe and recipe.verify and recipe.verify.cpu and recipe.verify.cpu.run)


def cpu() -> Finding:
    """Whether programs can be run on an emulated CPU, as `pdbuild verify` does for those claims."""
    name, x86 = "verify.cpu", PLATFORMS["linux/amd64"]
    cost = "`pdbuild verify` does not check what is claimed of an emulated CPU"
    if native() != x86:
        return ok(name, f"not checked on {native().name}: the CPUs are those of {x86.name}")
    where = tools.search_path()
    found = next(filter(None, (shutil.which(n, path=where) for n in _of(x86.qemu))), None)
    if found is None or not emulators.is_static(Path(found)):
        mend = "apt install qemu-user-static"
        return warn(name, f"there is no QEMU for {x86.name}", cost=cost, mend=mend)
    with tempfile.TemporaryDirectory() as folder:
        words = ("unshare", "--user", "--map-root-user", "--mount")
        done = programs.run(*words, "mount", "-t", "binfmt_misc", "none", folder)
    if done.code:
        why = "user namespaces have no binfmt_misc of their own here"
        return warn(name, why, cost=cost, mend="Linux 6.7 or later, and user namespaces")
    return ok(name, f"emulated CPUs by {found}")


def _of(qemu: str) -> tuple[str, str]:
    return f"qemu-{qemu}-static", f"qemu-{qemu}"


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
    mend = "apt install binfmt-support, as root, which registers the emulator with flag F"
    if words:
        why = "a kernel before 6.7 has the host's emulators alone"
    else:
        why = "root has the host's emulators alone, and none is registered for it"
        mend = f"bake as an ordinary user, who has one of their own; or {mend}"
    return warn(name, f"compiled for here; {why}", cost=cost, mend=mend)
