"""Programs in an unpacked image by proot: for accounts that the kernel gives no namespaces at all.

proot follows a program's system calls and shows it the image's tree as its root; no privilege is
needed. The tree can only be read, as several programs may have it, so `/tmp` is each program's own
and what is written elsewhere fails, but for mounts. A program is the caller, with the caller's ids.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pdbuild import account, content, dirs, lacks, locks, tools
from pdbuild.account import quash
from pdbuild.container import Container
from pdbuild.container.composed import compose, refuse
from pdbuild.container.foreground import Foreground
from pdbuild.container.missing import by_words
from pdbuild.errors import EngineError
from pdbuild.oci import Config
from pdbuild.platforms import native
from pdbuild.project import say
from pdbuild.store import Store
from pdbuild.transfer import layouts
from pdbuild.transfer.unpack import unpack

# What proot says of a program that the image does not have, or that is none.
_ERROR = b"proot error: '"
_OWN = (b"proot error: ", b"fatal error: see `proot")
_PARTIAL = ".partial-"
# What a program finds beside the image's files: the kernel's, and who is who and where.
_HOSTS = ("/proc", "/dev", "/sys", "/etc/resolv.conf", "/etc/hosts")


def find() -> str:
    """Where proot is, "" when it is not installed."""
    return found_program("proot")


def found_program(name: str) -> str:
    """Where a program is, also where users' PATHs do not lead; "" when it is not installed."""
    return shutil.which(name, path=tools.search_path()) or ""


def needed() -> bool:
    """Whether it is what this account can run programs by."""
    return bool(find()) and account.find().rung is account.Rung.C


def require() -> str:
    """Where proot is. Raises EngineError, with what to ask for."""
    found = find()
    if not found:
        raise EngineError(
            "proot is not installed",
            hint="ask the administrator for: apt install proot (it needs no privileges)",
        )
    return found


def load(store: Store, reference: str, platform: str) -> Path:
    """The folder with the tree of a stored image; made if it is not there.

    Raises UsageError when the image is not there for the platform, EngineError when it is damaged
    or the disk is full.
    """
    with store.reading():
        manifest = layouts.manifest(store, reference, platform or native().name)
        folder = _trees() / manifest.config.digest.removeprefix("sha256:")[:16]
        if folder.exists():
            return folder
        with locks.alone(_trees() / "lock", partial(say, f"another pdbuild unpacks {reference}")):
            if not folder.exists():
                _remove_unused(store)
                files = content.load(store.layout, manifest.layers)
                made = Path(tempfile.mkdtemp(dir=_trees(), prefix=_PARTIAL))
                with lacks.room(folder, sum(entry.size for entry in files)):
                    unpack(files, made / "root")
                made.rename(folder)
    return folder


def run(container: Container) -> int:
    """Run it in the foreground; the program's exit code.

    Raises ProgramError when the image has no such program, UsageError for what proot lacks.
    """
    hint = account.find().hint
    refuse(container, "proot", "the account has no namespaces", hint)
    store = Store.own()
    tree = load(store, container.image, "") / "root"
    config = store.config(container.image, native().name)
    with tempfile.TemporaryDirectory(prefix="pdbuild-proot-") as scratch:
        words = argv(container, config, tree, Path(scratch))
        wanted = (*compose(container, config).argv, "")[0]
        program = Foreground(words, terminal=container.tty, own=_OWN)
        code = program.wait()
    if code and (none := by_words(program.held, _ERROR, wanted, container.image)):
        raise none
    program.release()
    return 128 + program.interrupted_by if program.interrupted_by else code


def argv(container: Container, config: Config, tree: Path, scratch: Path) -> list[str]:
    """The command line; `scratch` is what the program has as its `/tmp`."""
    binds = [f"{scratch}:/tmp", *(path for path in _HOSTS if Path(path).exists())]
    binds += [f"{mount.source}:{mount.target}" for mount in container.mounts]
    inside = compose(container, config)
    return [
        *(sys.executable, "-I", str(Path(quash.__file__)), "new"),
        *("env", "-i", f"PROOT_TMP_DIR={scratch}"),
        *inside.pairs,
        *(require(), f"--rootfs={tree}"),
        *(f"--bind={bind}" for bind in binds),
        f"--cwd={inside.workdir}",
        *inside.argv,
    ]


def remove(folder: Path) -> None:
    """Remove a tree, in whose folders nobody may write."""
    for above, _, _ in os.walk(folder):
        Path(above).chmod(0o700)
    shutil.rmtree(folder)


def _trees() -> Path:
    return dirs.local_dir("unpacked")


def _remove_unused(store: Store) -> None:
    """Remove the trees of images that the store does not have any more, and what was left."""
    used = {image.config_digest.removeprefix("sha256:")[:16] for image in store.images()}
    for folder in _old(used):
        remove(folder)


def _old(used: set[str]) -> Iterator[Path]:
    for folder in _trees().iterdir():
        if folder.is_dir() and folder.name not in used:
            yield folder
