"""Options that podman and Docker read alike."""

import os
from collections.abc import Iterator, Mapping, Sequence

from pdbuild.container import Container, Mount


def home(container: Container, env: Mapping[str, str]) -> Iterator[str]:
    """A HOME that the caller's uid, which no image knows, can write to."""
    root = container.user.partition(":")[0] == "0" or (not container.user and os.getuid() == 0)
    if not root and "HOME" not in env:
        yield "--env=HOME=/home/user"
        yield "--tmpfs=/home/user:rw,exec,nosuid,nodev,mode=1777"


def mounted(mounts: Sequence[Mount]) -> Iterator[str]:
    """The mounts."""
    return (f"--mount={_mount(mount)}" for mount in mounts)


def _mount(mount: Mount) -> str:
    fields = ["type=bind", f"source={mount.source.absolute()}", f"target={mount.target}"]
    # The option is read as a line of CSV.
    quoted = [f'"{f.replace(chr(34), chr(34) * 2)}"' if set(f) & set(',"') else f for f in fields]
    return ",".join([*quoted, *(["readonly"] if mount.read_only else [])])
