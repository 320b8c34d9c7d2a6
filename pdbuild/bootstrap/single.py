"""A base for an account with one user id, with the owners that its files have elsewhere.

mmdebstrap's own way is fakechroot, which keeps a list of owners. It preloads a library into the
programs of the new base, and the host's does not fit another release's C library. So the tools
come first: a tree of the same suite, whose owners do not matter, made in a user namespace where
chown does nothing (see account/quash.py). Inside it, fakechroot and the base fit each other.
"""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pdbuild.account import quash
from pdbuild.bootstrap.options import DPKG_OPTIONS, mirror_hooks

#: Where `base_command` writes, relative to the tree of tools.
OUTPUT = "base.tar"

#: What differs in the environment inside the tree.
INSIDE = {"TMPDIR": "/tmp", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

_HERE = Path(__file__).parent
_PACKAGES = "fakechroot,fakeroot,perl,python3"

# What belongs to mmdebstrap beside its program: it calls them by these paths.
_PARTS = ("/usr/bin/mmtarfilter", "/usr/libexec/mmdebstrap")


def tools_command(mmdebstrap: Path, suite: str, tree: Path, mirror: str) -> list[str]:
    """The command that makes the tree of tools."""
    devices = f'sh {shlex.quote(str(_HERE / "dev.sh"))} "$1"'
    return [
        *_namespace(),
        str(mmdebstrap),
        "--mode=root",
        "--variant=apt",
        "--format=directory",
        f"--include={_PACKAGES}",
        "--skip=output/dev,chroot/mount/dev",
        f"--setup-hook={devices}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=APT::Sandbox::User "root"',
        "--dpkgopt=force-unsafe-io",  # nobody keeps it
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
        *mirror_hooks(mirror),
        suite,
        str(tree),
    ]


def add_mmdebstrap(mmdebstrap: Path, tree: Path) -> None:
    """Put the host's mmdebstrap into the tree: another version may make other bytes."""
    shutil.copy(mmdebstrap, tree / "usr/bin/mmdebstrap")
    for part in map(Path, _PARTS):
        target = tree / part.relative_to("/")
        if part.is_dir():
            shutil.copytree(part, target, dirs_exist_ok=True)
        elif part.exists():
            shutil.copy(part, target)


def base_command(options: Sequence[str], suite: str, tree: Path) -> list[str]:
    """The command that makes the base in the tree, as `OUTPUT`."""
    return [
        *_namespace(),
        *("sh", str(_HERE / "enter.sh"), str(tree)),
        *("mmdebstrap", *options, "--mode=fakechroot", suite, f"/{OUTPUT}"),
    ]


def _namespace() -> list[str]:
    """The words before a command that runs as root of a namespace with one id."""
    return [
        *("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"),
        *(sys.executable, "-I", str(Path(quash.__file__)), "everything"),
    ]
