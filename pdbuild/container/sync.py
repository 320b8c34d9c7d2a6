"""Keeps the user's podman in step with the image store, so that plain `podman run` works too."""

import os
from collections.abc import Sequence
from pathlib import Path

from pdbuild import dirs
from pdbuild.errors import EngineError
from pdbuild.project import say
from pdbuild.store import Store


def load(store: Store, references: Sequence[str]) -> None:
    """Put images into podman when it is there; they are in the store whatever happens.

    What the user should know of podman is said on stderr.
    """
    from pdbuild.container import host, loading

    if not references or not host.loadable():
        return
    for reference in references:
        if not loading.native(store.platforms(reference)):
            continue  # podman has one image by that name, and it is this machine's
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
    marker = dirs.cache_dir() / "podman-by-hand"
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
