"""Keeps the user's podman, and Docker where there is one, in step with the image store, so that
plain `podman run` and `docker run` work too.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from pdbuild import dirs
from pdbuild.errors import EngineError
from pdbuild.project import say
from pdbuild.store import Store


def load(store: Store, references: Sequence[str]) -> None:
    """Put images into podman and Docker when they are there; they are in the store whatever
    happens.

    What the user should know of podman is said on stderr.
    """
    from pdbuild.container import loading

    # Either has one image by that name, and it is this machine's.
    meant = [r for r in references if loading.native(store.platforms(r))]
    if meant:
        _into_podman(store, meant)
        _into_docker(store, meant)


def _into_docker(store: Store, references: Sequence[str]) -> None:
    from pdbuild import docker

    if docker.find() is None:
        return
    from pdbuild.container import docker as by_docker

    try:
        by_docker.load(store, references)
    except EngineError as error:
        say(f"the image store has images that Docker has not: {error.message}")


def _into_podman(store: Store, references: Sequence[str]) -> None:
    from pdbuild.container import host, loading

    if not host.loadable():
        return
    for reference in references:
        try:
            loading.load(store, reference)
        except EngineError as error:
            say(f"{reference} is in the image store, but not in podman: {error.message}")
            return
    for notice in host.take_notices():
        say(notice)
    _try_plain_podman()


def _try_plain_podman() -> None:
    """See once per start of the machine whether `podman run` by hand works, and say it if not.

    The user's configuration of podman is not ours to change, unless they ask for it.
    """
    marker = dirs.machine_dir() / "podman-by-hand"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    if os.getuid() == 0 or (marker.exists() and marker.read_text() == boot):
        return
    from pdbuild.container import plain

    try:
        needed = plain.missing()
    except EngineError as error:
        say(f"{error.message} (`pdbuild run` works)")
    else:
        if needed:
            reason = needed.error.splitlines()[0]
            say(
                f"`podman run` by hand fails here: {reason} (`pdbuild run` works; "
                f"`pdbuild doctor --write-podman` writes {needed.path}, which mends it)"
            )
    marker.write_text(boot)
