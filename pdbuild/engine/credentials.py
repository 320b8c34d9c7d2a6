"""Credentials where an engine's programs look for them, for as long as these run."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pdbuild import login
from pdbuild.dirs import runtime_dir


@contextlib.contextmanager
def for_buildx() -> Iterator[dict[str, str]]:
    """The variables by which buildx is known to registries as podman is, too."""
    config = login.for_docker()
    if not config:
        yield {}
        return
    for left in runtime_dir().glob("login-*"):  # of one that was killed
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"login-{os.getpid()}-"
    with tempfile.TemporaryDirectory(dir=runtime_dir(), prefix=prefix) as folder:
        file = Path(folder, "config.json")
        file.touch(mode=0o600)
        file.write_text(json.dumps(config))
        yield {"DOCKER_CONFIG": folder}
