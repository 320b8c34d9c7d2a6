"""A registry that asks who one is, whose certificate an own authority vouches for."""

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import small
from .conftest import User
from .project import give

_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A registry, and a bundle of certificates with its own."""

    registry: small.Registry
    bundle: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment in which its certificate is known."""
        return {"SSL_CERT_FILE": str(self.bundle)}

    def take(self, layout: Path, path: str) -> None:
        """Have it have the image of a layout, as PATH:TAG."""
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-creds=someone:secret",
             f"--dest-cert-dir={self.bundle.parent}", f"oci:{layout}",
             f"docker://{self.registry.address}/{path}"],
            check=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, user: User) -> Iterator[Guarded]:
    """Debian's registry at this machine's own address; the user is logged in as by podman."""
    folder = tmp_path_factory.mktemp("guarded")
    with small.registry(folder, guarded=True, host=small.own_address()) as registry:
        assert registry.ca
        (user.home / "bundle").mkdir(exist_ok=True)
        bundle = user.home / "bundle" / "all.crt"
        bundle.write_text(_BUNDLE.read_text() + registry.ca.read_text())
        file = user.home / ".config/containers/auth.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        auth = base64.b64encode(b"someone:secret").decode()
        before = file.read_bytes() if file.exists() else None
        file.write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
        give(user, user.home / ".config")
        yield Guarded(registry=registry, bundle=bundle)
        file.unlink() if before is None else file.write_bytes(before)
