"""The Docker Engine, where there is one: what it is, and images that go in and come out.

It is never needed. Its commands go by python-on-whales (`whales`), or by `programs` what must be
quick, as with podman.
"""

import contextlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pdbuild import programs
from pdbuild.errors import EngineError

_SOCKET = Path("/var/run/docker.sock")  # where the client looks when nothing tells it otherwise
#: The oldest whose `run` and `load` were tried. Lower numbers are podman's, when it answers as
#: Docker does: it is not to be taken for it.
_OLDEST = 20
_SECONDS = 20.0
# What else tells the client of an engine.
_WHERE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """An engine that answers. `rootless`: root inside its containers is the user outside.

    `whole_images` says that its image store is containerd's, which takes images only as a whole,
    and whose images have a manifest's digest as their id.
    """

    version: str
    rootless: bool = False
    whole_images: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version, to compare it."""
        return tuple(map(int, re.findall(r"\d+", self.version.partition("+")[0])))


def find() -> Docker | None:
    """The engine that `docker` talks to; None when there is none that answers."""
    if not _may_answer():
        return None
    with contextlib.suppress(EngineError):
        return require()
    return None


def require() -> Docker:
    """The engine that `docker` talks to. Raises EngineError, with its own words, when none does."""
    program = shutil.which("docker")
    if program is None:
        raise EngineError("docker is not installed", hint="apt install docker.io, or use podman")
    return _asked(program, *(os.environ.get(name, "") for name in _WHERE))


@cache
def _asked(program: str, *where: str) -> Docker:
    """What a client says of the engine that it is told of; asked once, as that takes its time."""
    done = programs.run(program, "info", "--format={{json .}}", timeout=_SECONDS, quick=True)
    told: dict[str, Any] = {}
    with contextlib.suppress(ValueError, TypeError):
        told = dict(json.loads(done.out))
    version = str(told.get("ServerVersion") or "")
    if not version:
        problem = str(next(iter(told.get("ServerErrors") or ()), done.said))
        raise EngineError(f"docker: {problem}", hint=_hint(problem))
    found = Docker(
        version=version,
        rootless=any("name=rootless" in option for option in told.get("SecurityOptions") or ()),
        whole_images=any("containerd" in str(row) for row in told.get("DriverStatus") or ()),
    )
    if found.numbers < (_OLDEST,):
        raise EngineError(f"docker: {version} is no Docker Engine of version {_OLDEST} or newer")
    return found


def _may_answer() -> bool:
    """Whether it is worth asking, which takes its time: people wait for it."""
    if shutil.which("docker") is None:
        return False
    return _elsewhere() or os.access(_SOCKET, os.W_OK)


def _elsewhere() -> bool:
    """Whether the client is told of another engine than that of the usual socket."""
    if os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"):
        return True
    folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    try:
        settings = json.loads(Path(folder, "config.json").read_bytes())
        return bool(settings.get("currentContext", "default") != "default")
    except (OSError, ValueError, AttributeError):
        return False


def _hint(problem: str) -> str:
    if "permission denied" in problem:
        return "an administrator adds you to the group docker, who is root by that; or use podman"
    return "start it, or name it in DOCKER_HOST; podman needs no daemon"
