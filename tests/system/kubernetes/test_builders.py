"""A builder of buildx's kubernetes driver: what a real API takes of it, and a bake that waits.

No BuildKit runs: each is a pod that asks for a label, which the node that the tests play has not.
"""

import re
import shlex
from collections.abc import Iterator

import pytest

from system.conftest import CHECKOUT, give_engines
from system.project import Project

from .conftest import Cluster

SPACE = "builders"
BUILDER = "cluster"
RECIPE = """\
[project]
name = "tiny"
version = "1"
[base]
suite = "trixie"
image = "registry.example.org/debian:trixie-slim"
bootstrap = false
[build]
hook = "ci/build.sh"
"""


def commands() -> list[list[str]]:
    """The page's own that make such a builder, but for `docker`; they wait for seconds only."""
    text = (CHECKOUT / "docs/builders.md").read_text()
    found = re.findall(r"^docker (buildx create (?:.*\\\n)*.*)$", text, re.MULTILINE)
    found = [line.replace("\\\n", " ") for line in found if "--driver kubernetes" in line]
    return [shlex.split(line.replace("replicas=1", "replicas=1,timeout=4s")) for line in found]


@pytest.fixture
def project(kubernetes: Cluster, here: Project) -> Iterator[Project]:
    """A project of somebody who has a builder in a namespace of its own."""
    api = kubernetes.control.api
    about = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    api.post("/api/v1/namespaces", about)
    config = here.written("admin.yaml", kubernetes.control.kubeconfig("admin", SPACE))
    config.chmod(0o600)
    here.written("pdbuild.toml", RECIPE)
    here.written("ci/build.sh", "#!/bin/sh\n").chmod(0o755)
    env = {"KUBECONFIG": str(config)}
    program = str(give_engines(here.user) / "buildx")
    for words in commands():
        made = here.user.run([program, *words[1:]], env=env)
        assert made.returncode == 0, made.stderr
    yield here
    here.user.run([program, "rm", "--force", BUILDER], env=env)
    api.delete(f"/api/v1/namespaces/{SPACE}")


def test_an_api_takes_what_a_builder_asks_for(project: Project, kubernetes: Cluster) -> None:
    for machine in ("amd64", "arm64"):
        words = ("bake", "binaries", f"--platform=linux/{machine}", f"--builder={BUILDER}")
        done = project.pdbuild(*words, timeout=120)
        assert done.returncode == 1
        error, said, hint = done.stderr.splitlines()[-3:]
        assert error == f"error: the builder {BUILDER}: its BuildKit did not start"
        assert "expected 1 replicas to be ready, got 0" in said
        assert hint.startswith("hint: kubectl describe replicasets,pods")

    api = kubernetes.control.api
    deployments = api.get(f"/apis/apps/v1/namespaces/{SPACE}/deployments")["items"]
    selectors = [d["spec"]["template"]["spec"]["nodeSelector"] for d in deployments]
    assert sorted(s["kubernetes.io/arch"] for s in selectors) == ["amd64", "arm64"]
    # The API took its pods, too, which nobody runs.
    pods = api.get(f"/api/v1/namespaces/{SPACE}/pods")["items"]
    assert len(pods) == 2 and {pod["status"]["phase"] for pod in pods} == {"Pending"}
    assert all("nodeName" not in pod["spec"] for pod in pods)
