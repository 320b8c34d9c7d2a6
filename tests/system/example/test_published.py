"""An application on an image of a registry: what changes in it costs, and what stays the same."""

import contextlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uv

from pdbuild.store import Store
from system import small, wheels
from system.project import Project, give

PROGRAM = """
import importlib, pathlib, paddle
names = pathlib.Path(__file__).with_name("requirements.txt").read_text().split()
print(paddle.__version__, *(importlib.import_module(name).VALUE for name in names))
"""
IMAGE = "localhost/page:0.1.0"
PACKAGES = '[project]\nname = "page"\nversion = "1"\ndependencies = ["one", "three"]\n'
TABLE = """\
packages = ["tini"]
copy = { "app.py" = "/srv/app.py" }
environment = { GREETING = "good day" }
user = "1234:1235"
workdir = "/srv"
healthcheck = ["python3", "-c", "pass"]
"""
LOOKS = """
import os, shutil, one, three
print(one.VALUE, three.VALUE, os.environ["GREETING"], sep="|", end="|")
print(os.getuid(), os.getgid(), os.getcwd(), *os.listdir(), shutil.which("tini"), sep="|")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The application's folder, what its packages are fetched from, and a registry."""

    project: Project
    env: dict[str, str]
    index: wheels.Index
    registry: str

    def run(self) -> tuple[list[str], str]:
        """Run it: the words that it prints, and which programs pdbuild starts."""
        done = self.project.pdbuild("app", "run", env=self.env | {"PDBUILD_DEBUG": "1"})
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout.splitlines()[-1].split(), done.stderr

    def made(self) -> tuple[list[object], dict[str, object]]:
        """What its image consists of: layers and configuration but for the files copied last, and
        these, each with its header and content; of folders without their times.
        """
        store = Store(self.project.user.home / ".local/share/pdbuild/images")
        (manifest,) = store.layout.manifests(store.entry(IMAGE))
        *below, last = [layer.digest for layer in manifest.layers]
        config = store.layout.blob(manifest.config.digest).read_text().replace(last, "")
        files: dict[str, object] = {}
        with tarfile.open(store.layout.blob(last)) as tar:
            for member in tar:
                content = tar.extractfile(member)
                member.mtime *= not member.isdir()
                header = {**member.get_info(), "chksum": 0}
                files[member.name] = (header, content.read() if content else b"")
        return [*below, config], files


@pytest.fixture(scope="module")
def page(paddle: Project, baked: dict[str, Any], version: str) -> Iterator[Page]:
    """A program that needs packages, on the default variant's image, which a registry has."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(dir=paddle.user.home)))
        folder.chmod(0o755)
        for name in ("one", "two", "three"):
            wheels.wheel(folder / "wheels", name, f"{name}!")
        registry = held.enter_context(small.registry(folder / "registry"))
        index = held.enter_context(wheels.index(folder, folder / "wheels"))
        repository = f"{registry.address}/team/paddle"
        paddle.succeeds("push", f"localhost/paddle:{version}", "--to", repository, "--insecure")
        for name in ("page", "tools"):
            (folder / name).mkdir()
        shutil.copy(uv.find_uv_bin(), folder / "tools")
        (folder / "page/app.py").write_text(PROGRAM)
        (folder / "page/requirements.txt").write_text("one\ntwo\n")
        give(paddle.user, folder)
        env = {
            "PATH": f"{folder}/tools:{paddle.user.env['PATH']}",
            "SSL_CERT_FILE": str(index.ca),
            "UV_DEFAULT_INDEX": index.address,
            "UV_CACHE_DIR": str(folder / "uv"),
        }
        made = Page(
            project=replace(paddle, root=folder / "page"), env=env, index=index,
            registry=registry.address,
        )  # fmt: skip
        # By its digest: a registry's tag may move, so the engine would be asked each time.
        image = f"{repository}:{version}@{registry.digest('team/paddle', version)}"
        made.project.succeeds("app", "init", "--from", image, env=env)
        recipe = made.project.root / "pdbuild.toml"
        recipe.write_text(f'{recipe.read_text()}\n[mirrors]\npip = "{index.address}"\n')
        yield made
        paddle.user.run(["podman", "rmi", "--force", IMAGE])


def test_no_package_is_fetched_twice(page: Page, version: str) -> None:
    assert page.run()[0] == [version, "one!", "two!"]
    assert page.index.fetched == {"one": 1, "two": 1}
    (page.project.root / "requirements.txt").write_text("one\ntwo\nthree\n")
    assert page.run()[0] == [version, "one!", "two!", "three!"]
    assert page.index.fetched == {"one": 1, "two": 1, "three": 1}


def test_an_edited_file_needs_no_engine_and_the_engine_would_make_the_same(page: Page) -> None:
    page.run()
    before = page.made()
    (page.project.root / "app.py").write_text("print('edited')\n")
    words, told = page.run()
    assert words == ["edited"]
    assert "skopeo" in told and "buildx" not in told
    edited = page.made()
    assert edited[0] == before[0]
    assert [name for name in edited[1] if edited[1][name] != before[1][name]] == ["page/app.py"]
    page.project.succeeds("bake", "apps", "--again", env=page.env)
    assert page.made() == edited


def test_others_run_it_from_the_registry(page: Page) -> None:
    (page.project.root / "app.py").write_text("print('for all')\n")
    page.run()
    where = f"{page.registry}/team/page"
    page.project.succeeds("push", "--to", where, "--insecure", env=page.env)
    theirs = ("podman", "run", "--rm", "--tls-verify=false", f"{where}:0.1.0")
    assert page.project.runs(*theirs).strip() == "for all"
    page.project.runs("podman", "rmi", "--force", f"{where}:0.1.0")


def test_what_the_table_says_is_so_in_the_image(page: Page) -> None:
    """Its packages are those of a pyproject.toml this time."""
    folder = page.project.root
    (folder / "pyproject.toml").write_text(PACKAGES)
    (folder / "app.py").write_text(LOOKS)
    recipe = (folder / "pdbuild.toml").read_text()
    for old, new in (
        ("requirements.txt", "pyproject.toml"),
        ("/page/app.py", "/srv/app.py"),
        ("[app]\n", f"[app]\n{TABLE}"),
    ):
        recipe = recipe.replace(old, new)
    (folder / "pdbuild.toml").write_text(recipe)
    page.project.succeeds("app", "bake", env=page.env)
    said = page.project.runs("podman", "run", "--rm", IMAGE)
    assert said.strip().split("|") == [
        "one!", "three!", "good day", "1234", "1235", "/srv", "app.py", "/usr/bin/tini",
    ]  # fmt: skip
    store = Store(page.project.user.home / ".local/share/pdbuild/images")
    (manifest,) = store.layout.manifests(store.entry(IMAGE))
    config = json.loads(store.layout.blob(manifest.config.digest).read_bytes())["config"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python3", "-c", "pass"]
