"""An image as a bundle of the OCI's runtime specification: a root file system, and how to run it.

runc, crun, and Slurm with `srun --container` start it. It is for the account that made it, whose
one id is root inside.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import content, lacks
from pdbuild.store import Store
from pdbuild.transfer import layouts
from pdbuild.transfer.unpack import placed, unpack

_VERSION = "1.0.2"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT = "rootfs"
# A terminal of its own is a console, which the machine's /dev does not let us put there.
_CONSOLE: tuple[dict[str, object], ...] = (
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "nodev", "mode=1777"]},
)  # fmt: skip
# runc gives it the mode of the folder below it.
_TMP: dict[str, object] = {
    "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
    "options": ["nosuid", "nodev", "mode=1777"],
}  # fmt: skip
# What a program finds beside the image's files and the machine's devices: text, of which nothing
# is lost when all that a disk can forbid is. So these can be mounted wherever a bundle is started,
# see `mounts.kept`.
_HOSTS = ("/etc/resolv.conf", "/etc/hosts")
_TEXT = ("nosuid", "nodev", "noexec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A file or folder of the host, seen at `target` inside.

    If it is `read_only`, `options` are what else is said of the mount, see `mounts.kept`.
    """

    source: Path
    target: str
    read_only: bool = False
    options: tuple[str, ...] = ()


def configuration(
    *,
    root: str,
    argv: Sequence[str],
    env: Sequence[str],
    workdir: str,
    bound: Sequence[Bound],
    read_only: bool,
    terminal: bool = False,
) -> str:
    """The text of `config.json`; `root` is the root file system, `env` has `NAME=VALUE`.

    With a `terminal` of its own a program has the usual devices, else all of the machine's.
    """
    settings = {
        "ociVersion": _VERSION,
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "cwd": workdir,
            "noNewPrivileges": True,
            "args": list(argv),
            "env": list(env),
        },
        "root": {"path": root, "readonly": read_only},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            _mount(Bound(source=Path("/sys"), target="/sys")),
            *(_CONSOLE if terminal else (_mount(Bound(source=Path("/dev"), target="/dev")),)),
            *(() if any(one.target == "/tmp" for one in bound) else (_TMP,)),
            *map(_mount, bound),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "user")],
            "uidMappings": [{"containerID": 0, "hostID": os.getuid(), "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": os.getgid(), "size": 1}],
        },
    }  # fmt: skip
    return json.dumps(settings, indent=1) + "\n"


def hosts() -> tuple[Bound, ...]:
    """What says who is who and where on this machine."""
    return tuple(
        Bound(source=Path(name), target=name, read_only=True, options=_TEXT)
        for name in _HOSTS
        if Path(name).exists()
    )


def place_mounts(root: Path, bound: Sequence[Bound]) -> None:
    """Make what these, and the kernel's own, are mounted on below `root`."""
    own = dict.fromkeys(("/proc", "/dev", "/sys", "/tmp"), Path("/"))
    placed(root, own | {one.target: one.source for one in bound})


def bundle(store: Store, reference: str, out: Path, here: Path, *, platform: str = "") -> None:
    """Write a stored image to the folder `out`; its programs see the folder `here` as theirs.

    Raises UsageError when it is not there for the platform, EngineError when it is damaged or
    the disk is full.
    """
    platform = layouts.chosen(store, reference, platform)
    manifest = layouts.manifest(store, reference, platform)
    config = store.config(reference, platform)
    workdir = config.workdir or "/work"
    files = content.load(store.layout, manifest.layers)
    bound = (*hosts(), Bound(source=here, target=workdir))
    text = configuration(
        root=_ROOT,
        argv=(*config.entrypoint, *config.cmd) or ("sh",),
        env=("HOME=/tmp", *([] if _has_path(config.env) else [_PATH]), *config.env),
        workdir=workdir,
        bound=bound,
        read_only=True,
    )
    above = out.absolute().parent
    with tempfile.TemporaryDirectory(dir=above, prefix=f".{out.name}.") as new:
        made = Path(new, "bundle")
        made.mkdir()
        with lacks.room(out.absolute(), sum(entry.size for entry in files)):
            unpack(files, made / _ROOT, writable=True)
            place_mounts(made / _ROOT, bound)
            (made / "config.json").write_text(text)
        made.rename(out)


def _has_path(env: Sequence[str]) -> bool:
    return any(pair.startswith("PATH=") for pair in env)


def _mount(bound: Bound) -> dict[str, object]:
    return {
        "destination": bound.target,
        "type": "bind",
        "source": str(bound.source),
        "options": ["rbind", *(("ro", *bound.options) if bound.read_only else ())],
    }
