"""An application on an image of a registry, and what one changed requirement costs."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uv

from . import small, wheels
from .project import Project, give

PROGRAM = """
import importlib, pathlib, paddle
names = pathlib.Path(__file__).with_name("requirements.txt").read_text().split()
print(paddle.__version__, *(importlib.import_module(name).VALUE for name in names))
"""


@pytest.fixture
def folder(paddle: Project) -> Iterator[Path]:
    """A folder of the user's, gone after the test."""
    with tempfile.TemporaryDirectory(dir=paddle.user.home) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_of_a_published_image_with_packages_that_are_fetched_once(
    paddle: Project, baked: dict[str, Any], version: str, folder: Path
) -> None:
    for name in ("one", "two", "three"):
        wheels.wheel(folder / "wheels", name, f"of {name}")
    with (
        small.registry(folder / "registry") as registry,
        wheels.index(folder, folder / "wheels") as index,
    ):
        repository = f"{registry.address}/team/paddle"
        paddle.succeeds("push", f"localhost/paddle:{version}", "--to", repository)
        page = replace(paddle, root=folder / "page")
        tools = folder / "tools"
        tools.mkdir()
        shutil.copy(uv.find_uv_bin(), tools)
        env = {
            "PATH": f"{tools}:{paddle.user.env['PATH']}",
            "SSL_CERT_FILE": str(index.ca),
            "UV_DEFAULT_INDEX": index.address,
            "UV_CACHE_DIR": str(folder / "uv"),
            "UV_NO_BUILD": "1",
        }
        page.root.mkdir()
        (page.root / "app.py").write_text(PROGRAM)
        (page.root / "requirements.txt").write_text("one\ntwo\n")
        give(paddle.user, folder)
        page.succeeds("app", "init", "--from", f"{repository}:{version}", env=env)
        recipe = page.root / "pdbuild.toml"
        recipe.write_text(f'{recipe.read_text()}\n[mirrors]\npip = "{index.address}"\n')
        assert page.succeeds("app", "run", env=env).split("\n")[-2] == f"{version} of one of two"
        assert index.fetched == {"one": 1, "two": 1}
        # What was fetched once is not fetched again when another is wanted besides.
        (page.root / "requirements.txt").write_text("one\ntwo\nthree\n")
        assert "of one of two of three" in page.succeeds("app", "run", env=env)
        assert index.fetched == {"one": 1, "two": 1, "three": 1}
    page.user.run(["podman", "rmi", "--force", "localhost/page:0.1.0"])
