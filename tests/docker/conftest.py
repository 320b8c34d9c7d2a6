"""A Docker Engine of the session's own, and a user of its group who runs pdbuild.

The engine is Debian's, `dockerd` of docker.io; `scripts/setup test` installs it. Nothing of this
is skipped where tests run as root: an engine that does not start fails them.
"""

import dataclasses
import grp
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.conftest import (
    CHECKOUT,
    User,
    give_engines,
    make_user,
    needs_root,
    pdbuild_python,
    remove_user,
)
from system.project import Project, checkout, give

from pdbuild import base
from pdbuild.docker import archive
from pdbuild.oci import Layout

from .engines import Engine, running

__all__ = ["pdbuild_python"]

# The certificates that only this machine may trust.
CA = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Debian's own."""
    needs_root()
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def account() -> Iterator[User]:
    """An ordinary user of the group docker, with pdbuild's engines and base."""
    needs_root()
    made = make_user(f"pdbdock{os.getpid()}", subordinate=True)
    give_engines(made)
    group = grp.getgrnam("docker").gr_gid
    yield dataclasses.replace(made, groups=(group,))
    remove_user(made)


@pytest.fixture(scope="session")
def own_base() -> Path:
    """The base's layout, the developer's own."""
    return base.ensure("trixie", base.architecture(), mirror="", say=print).layout


@pytest.fixture(scope="session")
def user(account: User, engine: Engine, own_base: Path) -> User:
    """That user, whose docker talks to the session's engine, with buildx as most people have it.

    The engine has the base by the name that a registry would give it.
    """
    give_base(engine, own_base)
    return client_of(account, engine)


def client_of(account: User, engine: Engine) -> User:
    """The user with a client for this engine."""
    plugin = account.home / ".docker/cli-plugins/docker-buildx"
    if not plugin.exists():
        plugin.parent.mkdir(parents=True)
        (buildx,) = (account.home / ".local/share/pdbuild/engines").glob("*/bin/buildx")
        plugin.symlink_to(buildx)
        give(account, account.home / ".docker")
    # Docker 20.10's client asks for BuildKit only when it is told to.
    extra = (("DOCKER_HOST", engine.address), ("DOCKER_BUILDKIT", "1"))
    return dataclasses.replace(account, extra=extra)


def give_base(engine: Engine, layout: Path) -> None:
    """Have the engine know the base by the name that the Containerfile has."""
    here = Layout(layout)
    (manifest,) = here.manifests(here.index()[0])
    content = b"".join(archive.written(here, manifest, "debian:trixie-slim"))
    subprocess.run(
        ["docker", "load", "--quiet"], input=content, env=engine.env, check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def project(user: User, pdbuild_python: Path) -> Project:
    """A clean clone of this repository."""
    return checkout(user, pdbuild_python, "paddle")


def typed(project: Project, line: str, *, timeout: float = 600) -> str:
    """Run a line as it is, in a terminal where it asks for one; what was printed."""
    words = ["bash", "-euc", line]
    if " -it " in line:
        words = ["script", "--quiet", "--return", "--flush", "--command", line, "/dev/null"]
    done = project.user.run(words, cwd=project.root, timeout=timeout)
    assert done.returncode == 0, f"{line}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def dev(project: Project) -> str:
    """What `docker build -t paddle:dev .` said."""
    # Where the usual certificates do, the line is the README's.
    return typed(project, f"docker build -t paddle:dev --secret id=ca,src={CA} .")


@pytest.fixture(scope="session")
def built(project: Project, dev: str) -> str:
    """What the build with options and tests said."""
    return typed(
        project, 'docker run -v $PWD:/paddle -e "GPU=OFF" -e "AVX=ON" -e "TEST=ON" paddle:dev'
    )


@pytest.fixture(scope="session")
def production(project: Project, built: str) -> str:
    return typed(project, "docker build -t paddle -f build/Dockerfile .")


@pytest.fixture(scope="session")
def docker_compose_command(user: User, engine: Engine) -> str:
    """pytest-docker asks for `docker compose`, which Debian 12 does not have."""
    return f"DOCKER_HOST={engine.address} docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(CHECKOUT / "tests/docker/docker-compose.yml")


@pytest.fixture(scope="session")
def docker_setup() -> str:
    return "up --detach"


@pytest.fixture(scope="session")
def registry(docker_services: "object", docker_ip: str) -> str:
    """The address of a registry that compose has brought up."""
    from pytest_docker.plugin import Services

    assert isinstance(docker_services, Services)
    address = f"{docker_ip}:{docker_services.port_for('registry', 5000)}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
                return json.load(answer) == {}
        except OSError:
            return False

    docker_services.wait_until_responsive(answers, timeout=30, pause=0.1)
    return address
