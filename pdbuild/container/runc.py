"""Programs in an unpacked image by runc alone, without podman.

The caller is root inside. The image's files can only be read; `/tmp` is each program's own.
"""

import os
import tempfile
from pathlib import Path

from pdbuild import mounts, tools
from pdbuild.container import Container, Mount, missing, unpacked
from pdbuild.container.composed import Composed, compose, refuse
from pdbuild.container.foreground import Foreground
from pdbuild.errors import EngineError
from pdbuild.platforms import native
from pdbuild.store import Store
from pdbuild.transfer import bundle
from pdbuild.transfer.bundle import Bound


def require() -> None:
    """Raise EngineError when runc is not installed."""
    tools.require("runc", reason="--runtime runc")


def run(container: Container) -> int:
    """Run it in the foreground; the program's exit code.

    Raises ProgramError when the image has no such program, EngineError with runc's words when it
    does not start, UsageError for what cannot be had.
    """
    refuse(container, "runc", "podman gives it that", "--runtime podman")
    program = tools.require("runc", reason="--runtime runc")
    store = Store.own()
    tree = unpacked.load(store, container.image, "") / "root"
    inside = compose(container, store.config(container.image, native().name))
    with tempfile.TemporaryDirectory(prefix="pdbuild-runc-") as name:
        scratch = Path(name)
        (scratch / "config.json").write_text(_configuration(container, inside, tree, scratch))
        pid = scratch / "pid"
        words = [str(program.path), "--root", f"{name}/state", "run", "--bundle", name]
        words += ["--pid-file", str(pid), f"pdbuild-{os.urandom(6).hex()}"]
        running = Foreground(words, started=pid.exists, terminal=container.tty)
        code = running.wait()
    return _ended(running, code, inside.argv, container)


def _configuration(container: Container, inside: Composed, tree: Path, scratch: Path) -> str:
    """What runc is told; the tree gets what is mounted on."""
    own = Bound(source=scratch / "tmp", target="/tmp")
    own.source.mkdir()
    bound = (*bundle.hosts(), own, *map(_bound, container.mounts))
    bundle.place_mounts(tree, bound)
    return bundle.configuration(
        root=str(tree),
        argv=inside.argv,
        env=inside.pairs,
        workdir=inside.workdir,
        bound=bound,
        read_only=True,
        terminal=container.tty,
    )


def _bound(mount: Mount) -> Bound:
    source, read_only = mount.source, mount.read_only
    options = mounts.kept(source) if read_only else ()
    return Bound(source=source, target=mount.target, read_only=read_only, options=options)


def _ended(running: Foreground, code: int, argv: tuple[str, ...], container: Container) -> int:
    """The exit code. runc ends with 1 when it starts nothing, and says why on stderr."""
    if running.interrupted_by:
        running.release()
        return 128 + running.interrupted_by
    said = running.held.decode(errors="replace").replace('\\"', '"')  # as in its log
    if not code or ("runc run failed" not in said and "unable to start" not in said):
        running.release()
        return code
    if f'exec: "{argv[0]}"' in said:
        wanted = missing.NOT_EXECUTABLE if "ermission denied" in said else missing.NOT_THERE
        raise missing.ProgramError(argv[0], container.image, wanted)
    raise EngineError(f"--runtime runc: {said.strip().splitlines()[-1]}")
