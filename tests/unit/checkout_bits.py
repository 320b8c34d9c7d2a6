"""A project that is baked by an engine which only notes what it is asked for."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import baking, base, project, shipped, uptodate
from pdbuild.choices import Choices, Options
from pdbuild.container import sync
from pdbuild.context import content
from pdbuild.engine import exports
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.plan.types import Plan
from pdbuild.progress import View
from pdbuild.store import Store

RECIPE = """
[project]
name = "squares"
version = "1.0"
source = "code"
[toolchain]
blocks = ["gcc", "cmake", "own"]
[options]
AVX = { default = "ON", cmake = "WITH_AVX" }
TEST = { default = "OFF", cmake = "WITH_TESTS" }
[variants]
fast = { AVX = "ON", default = true }
portable = { AVX = "OFF" }
[build]
environment = { CXXFLAGS = "-O2" }
[package]
maintainer = "Ann Example <ann@example.org>"
description = "squares numbers"
[image]
packages = ["libstdc++6"]
command = ["squares"]
"""
OWN_BLOCK = """
description = "a tool of the project's"
install = "ci/install"
check = "ci/check"
[source]
url = "https://example.org/own.tar.gz"
sha256 = "{sha}"
"""
SHA = "5" * 64
VARIANTS = ("fast", "portable")
BINARIES = {f"binaries-{v}" for v in VARIANTS}
DEBS = {f"deb-{v}" for v in VARIANTS}
IMAGES = {f"image-{v}" for v in VARIANTS}
ROOTS = {f"rootfs-{v}" for v in VARIANTS}
COMPILED = BINARIES | DEBS | IMAGES | ROOTS
ALL = COMPILED | {"dev", "rootfs"}


class Engine:
    """Makes outputs that tell how often they were made, and notes what it was asked for."""

    name = "fake"

    def __init__(self) -> None:
        self.version = "1"
        self.asked: set[str] = set()
        self.fails: set[str] = set()
        self.meanwhile: Callable[[], object] = lambda: None
        self._count = 0

    def identity(self) -> str:
        return f"fake {self.version}"

    def check(self) -> None:
        pass

    def held(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def build(self, build: Build, view: View) -> Built:
        self._count += 1
        self.asked = {target.name for target in build.plan.targets}
        self.meanwhile()
        done = [target for target in build.plan.targets if target.name not in self.fails]
        outputs = []
        for target in done:
            layout = build.exports / target.name
            digest = export(layout, f"{target.name} {self._count}", target.platform)
            exports.keep_only(layout, digest)
            outputs.append(Output(target=target, layout=layout, digest=digest))
        left = tuple(target for target in build.plan.targets if target.name in self.fails)
        error = "it failed" if left else ""
        return Built(outputs=tuple(outputs), unfinished=left, error=error)


def export(layout: Path, text: str, platform: str = "linux/amd64") -> str:
    """Export an image of one file, as exporters do: what is there stays. Its digest."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(data: bytes, kind: str) -> dict[str, object]:
        name = sha256(data).hexdigest()
        if not (blobs / name).exists():
            (blobs / name).write_bytes(data)
        return {
            "mediaType": f"application/vnd.oci.{kind}",
            "digest": f"sha256:{name}",
            "size": len(data),
        }

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(f"{text.split()[0]}.txt")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    system, architecture = platform.split("/")
    config = {"os": system, "architecture": architecture, "config": {"Labels": {"text": text}}}
    manifest = {
        "schemaVersion": 2,
        "config": put(json.dumps(config).encode(), "image.config.v1+json"),
        "layers": [put(packed.getvalue(), "image.layer.v1.tar")],
    }
    entry = put(json.dumps(manifest).encode(), "image.manifest.v1+json")
    index = layout / "index.json"
    before = json.loads(index.read_text())["manifests"] if index.exists() else []
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": [*before, entry]}))
    return str(entry["digest"])


class Checkout:
    """A project in a git repository, its engine, and what podman was given."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.hooks = folder / "hooks"
        self.own = folder / "cache/downloads" / f"own-{SHA}"
        self.base = "sha256:" + "b" * 64
        self.loaded: list[str] = []
        self.engine = Engine()
        self.choices = Choices()

    def make(self) -> None:
        self.write("pdbuild.toml", RECIPE)
        self.write("toolchain/own.toml", OWN_BLOCK.format(sha=SHA))
        for name in ("a.cc", "ci/install", "ci/check", "data/large", "deep/er/b.cc"):
            self.write(f"code/{name}", name)
        self.write("README", "a")
        self.write(".gitignore", "build\n")
        self.own.mkdir(parents=True)
        (self.own / "tool.c").write_text("tool")
        shutil.copytree(shipped.hooks_dir(), self.hooks)
        self.git("init", "--quiet", "--template=")
        self.commit()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def git(self, *words: str) -> None:
        argv = ["git", "-C", str(self.root), "-c", "user.name=x", "-c", "user.email=x@x", *words]
        environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        subprocess.run(argv, check=True, capture_output=True, env=environment)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def plan(self) -> Plan:
        recipe = project.open_recipe(str(self.root / "pdbuild.toml"))
        return project.plan_for(recipe, self.choices)

    def bake(self, *, again: bool = False) -> set[str]:
        """Bake; the targets that the engine was asked for."""
        self.engine.asked = set()
        recipe = project.open_recipe(str(self.root / "pdbuild.toml"))
        report = baking.bake_plan(
            recipe, self.plan(), self.engine, Options(progress="quiet", again=again)
        )
        asked = {row.target for row in report.rows if not row.cached}
        assert asked == self.engine.asked
        return self.engine.asked

    def exports(self, target: str) -> Path:
        return uptodate.places(project.key(str(self.root))).exports / target

    def store(self) -> Store:
        return Store(uptodate.places("").store)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a checkout that nobody has worked in."""
    folder = tmp_path_factory.mktemp("pristine")
    Checkout(folder).make()
    return folder


@pytest.fixture
def checkout(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for kind in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    made = Checkout(tmp_path)
    shutil.copytree(pristine, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(shipped, "hooks_dir", lambda: made.hooks)
    monkeypatch.setattr(sync, "load", lambda store, tags: made.loaded.extend(tags))

    def ensure(*_: object, **__: object) -> base.Base:
        return base.Base(layout=tmp_path / "base", digest=made.base)

    monkeypatch.setattr(base, "ensure", ensure)
    # Of a project that is worked on, most files are old.
    monkeypatch.setattr(content, "TICK", -(10**9))
    assert made.bake() == ALL
    return made
