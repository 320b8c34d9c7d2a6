"""What runs in an unpacked image: the command, its environment and its folder."""

import os
from dataclasses import dataclass

from pdbuild.container import Container
from pdbuild.errors import UsageError
from pdbuild.oci import Config

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A command line, its whole environment, and the folder in which it begins."""

    argv: tuple[str, ...]
    env: dict[str, str]
    workdir: str

    @property
    def pairs(self) -> tuple[str, ...]:
        """The environment as `NAME=VALUE`."""
        return tuple(f"{name}={value}" for name, value in self.env.items())


def compose(container: Container, config: Config) -> Composed:
    """What a container runs, by what its image says of itself."""
    entrypoint = (container.entrypoint,) if container.entrypoint else config.entrypoint
    words = container.argv or (() if container.entrypoint else config.cmd)
    image = dict(pair.partition("=")[::2] for pair in config.env)
    own = {"HOME": "/tmp", "TERM": os.environ.get("TERM", "dumb"), "PATH": _PATH}
    return Composed(
        argv=(*entrypoint, *words),
        env=own | image | dict(container.env),
        workdir=container.workdir or config.workdir or "/",
    )


def refuse(container: Container, by: str, why: str, hint: str, *, mounts: bool = True) -> None:
    """Raise UsageError, for each thing by name, for what cannot be had `by` this.

    `mounts` says that they can be read-only.
    """
    lacking = [
        *(f"--device {device}" for device in container.devices if not device.startswith("/")),
        *(f"port {port}" for port in container.ports),
        *([f"--network {container.network}"] if container.network != "host" else []),
        *(f"read-only {one.target}" for one in container.mounts if one.read_only and not mounts),
    ]
    if lacking:
        raise UsageError(f"by {by} there is no {', no '.join(lacking)}: {why}", hint=hint)
