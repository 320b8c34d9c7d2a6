"""The cluster, somebody on it who may send jobs to one namespace, and a registry for both."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from system import small, tiny
from system.conftest import User, needs_root
from system.project import Project, give
from system.small import Registry

from . import parts
from .control import Control, allow, control_plane
from .node import Node, node

SPACE = "team"
_ALL = ("jobs", "pods", "services", "configmaps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A control plane, the node that the tests play, and a registry."""

    control: Control
    node: Node
    registry: Registry
    programs: Path

    def given(self, project: Project, user: str = "member") -> dict[str, str]:
        """The environment in which a project's owner is that user of the cluster."""
        file = project.written(f"{user}.yaml", self.control.kubeconfig(user, SPACE))
        file.chmod(0o600)
        found = shutil.which("kubectl") or str(self.programs / "kubectl")
        return {
            "KUBECONFIG": str(file),
            "PATH": f"{Path(found).parent}:{project.user.env['PATH']}",
        }

    def objects(self, kinds: Sequence[str] = _ALL) -> list[dict[str, Any]]:
        """What there is in the namespace."""
        found: list[dict[str, Any]] = []
        for kind in kinds:
            group = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
            items = self.control.api.get(f"{group}/namespaces/{SPACE}/{kind}")["items"]
            found += [i for i in items if i["metadata"]["name"] != "kube-root-ca.crt"]
        return found


@pytest.fixture(scope="session")
def kubernetes(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A real API, and a node that is played."""
    needs_root()
    if not parts.are_there() and not request.config.getoption("--long"):
        pytest.skip("NOT RUN: compiling kube-apiserver takes minutes, once; --long does")
    programs = parts.made()
    with tempfile.TemporaryDirectory(prefix="pdbuild-kubernetes-", dir="/var/tmp") as name:
        folder = Path(name)
        with (
            control_plane(programs, folder, ("member", "stranger")) as control,
            small.registry(folder / "registry") as registry,
            node(control.api, folder / "node") as played,
        ):
            allow(control, SPACE, "member")
            yield Cluster(control=control, node=played, registry=registry, programs=programs)


@pytest.fixture(scope="session")
def member(kubernetes: Cluster, pdbuild_python: Path) -> Iterator[User]:
    """An account whose image store has a busybox."""
    with tiny.member(f"pdbkube{os.getpid()}", pdbuild_python) as made:
        yield made


RECIPE = """\
[project]
name = "tiny"
[image]
[registry]
to = "{registry}/team/tiny"
"""


@pytest.fixture
def here(
    kubernetes: Cluster, member: User, pdbuild_python: Path, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """A fresh folder of the member's. No test leaves anything in the namespace."""
    root = member.home / request.node.name[:40].replace("[", "-").rstrip("]")
    root.mkdir()
    give(member, root)
    made = Project(user=member, root=root, program=pdbuild_python.parent / "pdbuild")
    made.written("pdbuild.toml", RECIPE.format(registry=kubernetes.registry.address))
    yield made
    emptied(kubernetes, made)
    shutil.rmtree(root)


def emptied(kubernetes: Cluster, here: Project) -> None:
    """Cancel all jobs of the one here, after which there is nothing in the namespace."""
    import json
    import time

    given = kubernetes.given(here)
    for job in json.loads(here.succeeds("jobs", "--json", env=given)):
        if job["kind"] == "kubernetes":
            here.succeeds("cancel", job["id"], env=given)
    deadline = time.monotonic() + 30
    while left := kubernetes.objects():
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
