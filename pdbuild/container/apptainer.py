"""Programs in an unpacked image by Apptainer, which many sites have for all.

The caller is themselves inside. The image's files can only be read; `/tmp` is each program's own.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pdbuild.container import Container, missing, unpacked
from pdbuild.container.composed import Composed, compose, refuse
from pdbuild.container.foreground import Foreground
from pdbuild.container.unpacked import found_program
from pdbuild.errors import EngineError, UsageError
from pdbuild.platforms import native
from pdbuild.store import Store
from pdbuild.transfer import bundle
from pdbuild.transfer.bundle import Bound

# What it says, and ends with, when it starts nothing.
_OWN, _FAILED = "FATAL:", 255
_HINT = "a module of your site's may have it: module load apptainer"


def require() -> str:
    """Where apptainer is. Raises EngineError when it is not installed."""
    found = found_program("apptainer")
    if not found:
        raise EngineError("Apptainer is not installed: --runtime apptainer", hint=_HINT)
    return found


def run(container: Container) -> int:
    """Run it in the foreground; the program's exit code.

    Raises ProgramError when the image has no such program, UsageError for what cannot be had.
    """
    refuse(container, "apptainer", "podman has it", "--runtime podman")
    store = Store.own()
    tree = unpacked.load(store, container.image, "") / "root"
    inside = compose(container, store.config(container.image, native().name))
    with tempfile.TemporaryDirectory(prefix="pdbuild-apptainer-") as scratch:
        bound = _bound(container, Path(scratch))
        words = argv(inside, bound, tree, Path(scratch))
        bundle.place_mounts(tree, bound)
        program = Foreground(words, terminal=container.tty, own=(_OWN.encode(),))
        code = program.wait()
    if code == _FAILED and (none := _missing(program.held, inside.argv[0], container.image)):
        raise none
    program.release()
    return 128 + program.interrupted_by if program.interrupted_by else code


def argv(inside: Composed, bound: tuple[Bound, ...], tree: Path, scratch: Path) -> list[str]:
    """The command line, with what is mounted; what it writes for itself is in `scratch`.

    Raises UsageError for a HOME that is no mount.
    """
    home = inside.env["HOME"]
    if home not in {one.target for one in bound}:
        raise UsageError(
            f"by apptainer there is no HOME={home}: it can only be /tmp, or a mount",
            hint="-e HOME=/tmp",
        )
    return [
        # Nothing of what the site, or the caller's shell, has it mount and set for all.
        *("env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"),
        f"APPTAINER_CONFIGDIR={scratch}/apptainer",
        *(f"APPTAINERENV_{name}={value}" for name, value in inside.env.items() if name != "HOME"),
        *(require(), "--silent", "--nocolor", "exec", "--cleanenv", "--no-eval"),
        *("--no-mount", "hostfs,bind-paths,cwd,tmp"),
        # It sets HOME by a mount there alone, on which ours is then mounted.
        *("--home", f"{scratch}/tmp:{home}", "--pwd", inside.workdir),
        *(word for one in bound for word in ("--mount", _mount(one))),
        *(str(tree), *inside.argv),
    ]


def _bound(container: Container, scratch: Path) -> tuple[Bound, ...]:
    """All that is mounted; what the program has as its `/tmp` is made."""
    own = Bound(source=scratch / "tmp", target="/tmp")
    own.source.mkdir()
    return (*bundle.hosts(), own, *_given(container))


def _given(container: Container) -> Iterator[Bound]:
    for mount in container.mounts:
        yield Bound(source=mount.source, target=mount.target, read_only=mount.read_only)


def _mount(bound: Bound) -> str:
    """As a line of comma-separated values."""
    source, target = (text.replace('"', '""') for text in (str(bound.source), bound.target))
    return f'type=bind,"source={source}","destination={target}"' + ",ro" * bound.read_only


def _missing(held: bytes, program: str, image: str) -> missing.ProgramError | None:
    """What it says of a program that is not there or cannot be executed; None of all else."""
    said = held.decode(errors="replace").rstrip()
    if f'"{program}": executable file not found' in said or f"stat {program}: no such" in said:
        return missing.ProgramError(program, image, missing.NOT_THERE)
    if said.endswith((f"{_OWN}   permission denied", f"{_OWN}   is a directory")):
        return missing.ProgramError(program, image, missing.NOT_EXECUTABLE)
    return None
