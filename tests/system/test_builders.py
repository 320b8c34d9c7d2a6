"""A builder with two nodes, each a real buildkitd that is reached over mutual TLS."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdbuild.platforms import PLATFORMS, native

from .conftest import User
from .project import Project, give, mounts_below

OTHER = PLATFORMS["linux/arm64" if native().name != "linux/arm64" else "linux/amd64"]
ADDRESSES = {"one": "127.0.0.2", "two": "127.0.0.3"}
RECIPE = """
[project]
name = "tiny"
version = "1"
[build]
hook = "ci/build.sh"
"""
SCRIPT = """#!/bin/bash
share=$PDBUILD_OUTPUT$PDBUILD_PREFIX/share
mkdir -p "$share"
echo "{word} ${{PDBUILD_PROCESSOR:-here}}" >"$share/tiny"
echo "works for ${{PDBUILD_PROCESSOR:-here}}"
sleep {seconds}
"""


@dataclass(slots=True, kw_only=True)
class Node:
    """One buildkitd, which root runs."""

    name: str
    programs: Path
    certificates: Path
    root: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"tcp://{ADDRESSES[self.name]}:{self.port}"

    def start(self) -> None:
        certificates = [
            f"--tlscacert={self.certificates}/ca.crt",
            f"--tlscert={self.certificates}/{self.name}.crt",
            f"--tlskey={self.certificates}/{self.name}.key",
        ]
        with (self.root.parent / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "buildkitd", "--root", self.root, "--addr", self.address,
                 "--containerd-worker=false", *certificates],
                # Where it mounts what steps read, until they end or it is killed.
                env={**os.environ, "TMPDIR": str(self.root.parent)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while self.asked("debug", "workers").returncode:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.1)

    def asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        named = [
            f"--tlscacert={self.certificates}/ca.crt",
            f"--tlscert={self.certificates}/client.crt",
            f"--tlskey={self.certificates}/client.key",
        ]
        return subprocess.run(
            [self.programs / "buildctl", f"--addr={self.address}", *named, *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def end(self, how: signal.Signals) -> None:
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        self.process.wait(30)


def free(address: str) -> int:
    with socket.create_server((address, 0)) as server:
        return int(server.getsockname()[1])


def certified(folder: Path) -> None:
    """An authority, and what it vouches for: two nodes and a client."""

    def openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=nodes", "-keyout", "ca.key",
            "-out", "ca.crt")  # fmt: skip
    for name in (*ADDRESSES, "client"):
        (folder / "names").write_text(f"subjectAltName=IP:{ADDRESSES.get(name, '127.0.0.1')}")
        openssl("req", *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "request")
        openssl(
            "x509",
            "-req",
            "-in",
            "request",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "names",
            "-out",
            f"{name}.crt",
        )
    (folder / "client.key").chmod(0o644)  # pdbuild is not root


def removed(folder: Path) -> None:
    """Remove what nodes leave; one that was killed leaves the mounts of its steps."""
    for place in reversed(mounts_below(folder)):
        subprocess.run(["umount", "--lazy", place], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def nodes(engines: Path) -> Iterator[dict[str, Node]]:
    folder = Path("/var/tmp") / f"pdbuild-nodes-{os.urandom(3).hex()}"
    folder.mkdir()
    certified(folder)
    made = {
        name: Node(
            name=name,
            programs=engines,
            certificates=folder,
            root=folder / name,
            port=free(ADDRESSES[name]),
        )
        for name in ADDRESSES
    }
    with contextlib.ExitStack() as stack:
        stack.callback(removed, folder)
        for node in made.values():
            node.start()
            stack.callback(node.end, signal.SIGTERM)
        yield made


@pytest.fixture(scope="module")
def farm(nodes: dict[str, Node], user: User, pdbuild_python: Path) -> Iterator[Project]:
    """A project, and a builder of its user's with the nodes."""
    root = user.home / "tiny"
    root.mkdir()
    give(user, root)
    project = Project(user=user, root=root, program=pdbuild_python.with_name("pdbuild"))
    project.written("pdbuild.toml", RECIPE)
    written(project, "first")
    for name, platform in zip(ADDRESSES, (native(), OTHER), strict=True):
        node = nodes[name]
        options = ",".join(
            f"{key}={node.certificates}/{file}"
            for key, file in {"cacert": "ca.crt", "cert": "client.crt", "key": "client.key"}.items()
        )
        project.runs(
            *(str(node.programs / "buildx"), "create", "--name=farm", f"--node={name}"),
            *(() if name == "one" else ("--append",)),
            *("--driver=remote", f"--platform={platform.name}", node.address),
            *(f"--driver-opt={options},servername={ADDRESSES[name]}",),
        )
    yield project
    shutil.rmtree(root)


def written(project: Project, word: str, seconds: int = 0) -> None:
    project.written("ci/build.sh", SCRIPT.format(word=word, seconds=seconds)).chmod(0o755)


def bake(project: Project) -> "subprocess.CompletedProcess[str]":
    both = f"--platform={native().name},{OTHER.name}"
    return project.pdbuild("bake", "binaries", both, "--builder=farm", "--progress=plain")


def made(project: Project) -> list[str]:
    texts = sorted((project.root / "build").rglob("share/tiny"))
    return [text.read_text().strip() for text in texts]


def test_a_node_takes_nobody_without_a_certificate(nodes: dict[str, Node]) -> None:
    node = nodes["one"]
    buildctl = [node.programs / "buildctl", f"--addr={node.address}"]
    authority = f"--tlscacert={node.certificates}/ca.crt"
    done = subprocess.run([*buildctl, authority, "debug", "workers"], capture_output=True)
    assert done.returncode and b"Unavailable" in done.stderr
    assert node.asked("debug", "workers").returncode == 0


def test_one_bake_takes_both_nodes(farm: Project, nodes: dict[str, Node]) -> None:
    done = bake(farm)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(farm) == ["first here", f"first {OTHER.processor}"]
    ran = {name: node.asked("du", "--verbose").stdout for name, node in nodes.items()}
    assert "cross-install" in ran["two"] and "cross-install" not in ran["one"]
    assert "build-own" in ran["one"] and "build-own" in ran["two"]


def test_a_node_that_is_lost_is_named_and_the_next_bake_goes_on(
    farm: Project, nodes: dict[str, Node]
) -> None:
    written(farm, "second", seconds=5)
    program = farm.start(
        "bake", "binaries", f"--platform={native().name},{OTHER.name}", "--builder=farm",
        "--progress=plain",
    )  # fmt: skip
    with program as running:
        assert running.stderr
        said = ""
        for line in running.stderr:
            said += line
            if f"works for {OTHER.processor}" in line:
                nodes["two"].end(signal.SIGKILL)
        assert running.wait() == 1
    lost = f"error: the builder farm: two ({nodes['two'].address}) does not answer"
    assert lost in said and "hint: docker buildx inspect farm" in said, said

    done = bake(farm)  # it is still away
    assert done.returncode == 1 and lost in done.stderr, done.stderr

    nodes["two"].start()
    done = bake(farm)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(farm) == ["second here", f"second {OTHER.processor}"]
    # A node may say that it begins a step before it finds the step in its cache.
    said = set(re.findall(r"toolchain 1/1 RUN bash /run/hooks/apt-install \S+: (.*)", done.stderr))
    assert said - {"started"} == {"cached"}
    assert done.stderr.count("apt-install dpkg-dev: cached") == 2
