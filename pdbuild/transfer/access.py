"""How a registry may be talked to: credentials, certificates, plain http."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs, login
from pdbuild.choices import Access
from pdbuild.errors import UsageError


@dataclass(frozen=True, slots=True)
class Opened:
    """An access whose files are in place."""

    options: tuple[str, ...]

    def words(self, side: str = "") -> tuple[str, ...]:
        """skopeo's options for `side`: "src", "dest", or "" where a command has one side."""
        prefix = f"--{side}-" if side else "--"
        return tuple(f"{prefix}{option}" for option in self.options)


@contextlib.contextmanager
def opened(host: str, access: Access) -> Iterator[Opened]:
    """Put what skopeo needs for a registry where it reads it, in a private folder, for a while.

    Raises UsageError when there is no file `ca`.
    """
    options = []
    with tempfile.TemporaryDirectory(dir=dirs.runtime_dir(), prefix="registry-") as folder:
        if access.insecure:
            options.append("tls-verify=false")
        if access.ca:
            if not access.ca.is_file():
                raise UsageError(f"{access.ca}: there is no such file of certificates")
            certificates = Path(folder, "certificates")
            certificates.mkdir()
            # skopeo takes what ends in .crt.
            (certificates / "ca.crt").symlink_to(access.ca.absolute())
            options.append(f"cert-dir={certificates}")
        if file := _credentials(host, Path(folder)):
            options.append(f"authfile={file}")
        yield Opened(tuple(options))


def _credentials(host: str, folder: Path) -> Path | None:
    """The file that skopeo reads for a registry, of podman's or docker's; None: it finds it.

    It is always one that can be read. skopeo itself looks in podman's folder below /run first,
    and gives up where that is root's alone; and it knows of docker neither a helper for all
    registries (`credsStore`) nor a configuration that DOCKER_CONFIG names.
    """
    if os.environ.get("REGISTRY_AUTH_FILE"):
        return None
    if found := next((file for file in login.podmans() if host in login.hosts(file)), None):
        return found
    file = folder / "auth.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(login.of_docker(host)))
    return file
