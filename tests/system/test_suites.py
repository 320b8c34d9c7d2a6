"""Other suites than trixie, each a base in a registry with TLS and a password, by both engines.

The base is bootstrapped as pdbuild bootstraps its own, and kept, as it takes a minute.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdbuild import base
from pdbuild.base import architecture
from pdbuild.bootstrap.options import EPOCH, arguments

from . import small
from .conftest import User
from .project import Project, give, sample

_KEPT = Path("/var/tmp/pdbuild-tests")
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_BASE = """
[base]
suite = "{suite}"
image = "{address}/bases/debian:{suite}"
bootstrap = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A registry, and a bundle of certificates with its own."""

    registry: small.Registry
    bundle: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, user: User) -> Iterator[Guarded]:
    """Debian's registry at this machine's own address; the user is logged in as by podman."""
    folder = tmp_path_factory.mktemp("guarded")
    with small.registry(folder, guarded=True, host=small.own_address()) as registry:
        assert registry.ca
        bundle = user.home / "bundle.crt"
        bundle.write_text(_BUNDLE.read_text() + registry.ca.read_text())
        file = user.home / ".config/containers/auth.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        auth = base64.b64encode(b"someone:secret").decode()
        before = file.read_bytes() if file.exists() else None
        file.write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
        give(user, user.home / ".config")
        yield Guarded(registry=registry, bundle=bundle)
        file.unlink() if before is None else file.write_bytes(before)


def has_base(guarded: Guarded, suite: str) -> None:
    """Have the registry have the suite's base."""
    if guarded.registry.tags("bases/debian").count(suite):
        return
    tar = _KEPT / f"base-{suite}-{architecture()}.tar"
    if not tar.exists():
        _KEPT.mkdir(exist_ok=True)
        partial = tar.with_suffix(".partial")
        argv = [
            *("mmdebstrap", "--quiet", *arguments(architecture())),
            # A mirror may be some weeks behind; the signature counts all the same.
            *('--aptopt=Acquire::Check-Valid-Until "false"', suite, partial),
        ]
        subprocess.run(argv, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
        partial.rename(tar)
    layout = Path(tempfile.mkdtemp(dir=_KEPT))
    shutil.copy(tar, layout / "base.tar")
    base._layout(layout, layout / "base.tar", architecture())
    to = f"docker://{guarded.registry.address}/bases/debian:{suite}"
    cert = guarded.registry.ca
    assert cert
    subprocess.run(
        ["skopeo", "copy", "--quiet", "--insecure-policy", f"--dest-cert-dir={cert.parent}",
         "--dest-creds=someone:secret", f"oci:{layout}", to],
        check=True,
    )  # fmt: skip
    shutil.rmtree(layout)


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
@pytest.mark.parametrize("suite", ["bookworm", pytest.param("sid", marks=pytest.mark.long)])
def test_a_suite_bakes(
    suite: str, engine: str, guarded: Guarded, user: User, pdbuild_python: Path, engines: Path
) -> None:
    has_base(guarded, suite)
    made: Project = sample(user, pdbuild_python, "make", f"{suite}-{os.urandom(3).hex()}")
    recipe = (made.root / "pdbuild.toml").read_text()
    made.written(
        "pdbuild.toml", recipe + _BASE.format(suite=suite, address=guarded.registry.address)
    )
    env = {"SSL_CERT_FILE": str(guarded.bundle)}
    made.succeeds("bake", "all", f"--engine={engine}", env=env)
    ran = made.pdbuild("run", f"--engine={engine}", "greet", "you", env=env)
    assert (ran.stdout, ran.returncode) == ("Hello, you!\n", 0), ran.stderr
    told = made.succeeds("run", f"--engine={engine}", "cat", "/etc/os-release", env=env)
    assert f"VERSION_CODENAME={suite}" in told
    shutil.rmtree(made.root)
