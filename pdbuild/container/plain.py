"""What `podman run` by hand lacks on this host, and the smallest file that gives it.

pdbuild passes its own options, so it needs none of this. A user who starts an image with plain
podman meets podman's defaults: a private network through /dev/net/tun, a million open files for
root, crun. Where one of them cannot be had, a drop-in file changes that one.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pdbuild import programs
from pdbuild.container import storage
from pdbuild.container.host import Host, find, root_of_host_tools
from pdbuild.errors import EngineError
from pdbuild.limits import limits

_NAME = "pdbuild.conf"
_HEAD = "# Written by pdbuild: without this, podman run fails on this host.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIn:
    """A configuration file that plain podman needs, and podman's error without it."""

    path: Path
    text: str
    error: str

    def write(self) -> None:
        """Write the file, as the user asked. It replaces no other: podman reads all of them."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text)


def missing() -> DropIn | None:
    """What plain `podman run` needs here, found by trying; None when it works as it is.

    Takes up to some seconds. Raises EngineError when nothing helps.
    """
    host = find()
    with root_of_host_tools() as root:
        error = _trial(host, root, {})
        if not error:
            return None
        if os.environ.get("CONTAINERS_CONF"):
            hint = "unset CONTAINERS_CONF, which has podman read no other file"
            raise EngineError(f"plain podman run fails here: {error}", hint=hint)
        for settings in _combinations(host):
            text = _HEAD + "".join(f"[{table}]\n{lines}" for table, lines in settings)
            with _as_if_written(text) as env:
                if not _trial(host, root, env):
                    place = storage.configuration_directory() / "containers.conf.d"
                    return DropIn(path=place / _NAME, text=text, error=error)
    raise EngineError(f"plain podman run fails here: {error}", hint="pdbuild run works")


def give() -> Path | None:
    """Write what plain `podman run` lacks into the user's configuration; the file, if any."""
    needed = missing()
    if needed is None:
        return None
    needed.write()
    return needed.path


@contextlib.contextmanager
def _as_if_written(text: str) -> Iterator[dict[str, str]]:
    """Environment in which podman reads `text` after what it reads anyway."""
    with tempfile.TemporaryDirectory(prefix="pdbuild-trial-") as name:
        if os.getuid() == 0:
            # No variable moves /etc/containers: what stands there is left out of the trial.
            file = Path(name, _NAME)
            env = {"CONTAINERS_CONF": str(file)}
        else:
            mine = storage.configuration_directory()
            copy = Path(name, "containers")
            if mine.is_dir():
                shutil.copytree(mine, copy)
            file = copy / "containers.conf.d" / _NAME
            file.parent.mkdir(parents=True, exist_ok=True)
            env = {"XDG_CONFIG_HOME": name}
        file.write_text(text)
        yield env


def _combinations(host: Host) -> Iterator[tuple[tuple[str, str], ...]]:
    """Sets of settings, smallest first, as text by table."""
    quoted = ", ".join(f'"{limit.removeprefix("--ulimit=")}"' for limit in limits())
    # A user has a number of keys, and each container takes one, unless it is told not to.
    containers = ('netns = "host"\n', f"default_ulimits = [{quoted}]\n", "keyring = false\n")
    names = {"--runtime": "runtime", "--cgroup-manager": "cgroup_manager"}
    pairs = (flag.partition("=") for flag in host.flags)
    engine = "".join(f'{names[name]} = "{value}"\n' for name, _, value in pairs)
    chosen = [("containers", line) for line in containers] + ([("engine", engine)] * bool(engine))
    for count in range(1, len(chosen) + 1):
        for some in itertools.combinations(chosen, count):
            tables = dict.fromkeys(table for table, _ in some)
            yield tuple(
                (table, "".join(lines for other, lines in some if other == table))
                for table in tables
            )


def _trial(host: Host, root: Path, env: Mapping[str, str]) -> str:
    argv = (host.podman, "run", "--rm", "--volume=/usr:/usr:ro", "--rootfs", root, "/usr/bin/true")
    done = programs.run(*argv, env={**storage.theirs(), **env})
    if done.code == 0:
        return ""
    lines = [line for line in done.err.splitlines() if line.startswith("Error")]
    return (lines or [f"exit {done.code}"])[-1].removeprefix("Error: ")
