"""Containers as values: what `run`, `shell` and the job schedulers start."""

from dataclasses import dataclass
from pathlib import Path

PROJECT_LABEL = "pdbuild.project"

#: What programs can run by, where it is there.
RUNTIMES = ("podman", "docker", "unshare", "runc", "charliecloud", "apptainer", "proot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or directory of the host, seen at `target` (absolute) inside."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image of the store. `is_dev` says that it is a development image, whose entrypoint
    builds its project instead of running a program.
    """

    reference: str
    project: str
    workdir: str
    is_dev: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One program in one image.

    `argv` follows the image's entrypoint, or `entrypoint` when that is given; empty means the
    image's own command. `user` is "" for the caller's uid and gid, or `UID:GID` as seen inside:
    files written to mounts belong to the caller either way, `0:0` being root inside only.
    `network` is `host`, `none` or `private`; `ports` (`[ADDRESS:]PORT:PORT`) need `private`.
    `devices` are CDI names (`nvidia.com/gpu=all`) or device nodes. `project` marks the container
    as pdbuild's. With no `name` one is made up. `options` are podman's own, for what no other
    field says.
    """

    image: str
    argv: tuple[str, ...] = ()
    entrypoint: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    workdir: str = ""
    user: str = ""
    tty: bool = False
    network: str = "host"
    ports: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    project: str = "pdbuild"
    name: str = ""
    options: tuple[str, ...] = ()
