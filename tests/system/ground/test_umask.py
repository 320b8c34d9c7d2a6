"""What is baked does not depend on who may read what of the source, nor on the umask."""

import json
import re
import stat
from pathlib import Path

import pytest

from system.conftest import User
from system.project import Project, sample


def baked(here: Project, umask: int, engine: str) -> dict[str, str]:
    """What a bake by this umask made, of a source that was checked out by it: digests by name."""
    for path in (here.root, *here.root.rglob("*")):
        path.chmod((stat.S_IMODE(path.stat().st_mode) | 0o644) & ~umask)
    words = (str(here.program), "bake", "all", "--json", "-q", f"--engine={engine}")
    here.runs("sh", "-c", f'umask {umask:03o}; exec "$@"', "sh", *words, timeout=500)
    made = json.loads((here.root / "build/artifacts.json").read_text())["artifacts"]
    files = {row["path"]: row["sha256"] for row in made}
    images = json.loads(here.succeeds("images", "--json"))
    return files | {i["reference"]: i["digest"] for i in images if "greet" in i["reference"]}


@pytest.mark.long
@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_a_careful_umask_bakes_the_same(
    user: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    found = {}
    for umask in (0o077, 0o022, 0o027):  # what is made once is made by the first
        here = sample(user, pdbuild_python, "make", f"umask-{umask:03o}-{engine}")
        found[umask] = baked(here, umask, engine)
        deb = here.root / "build/greet-1.2.0.deb"
        inside = here.runs("dpkg-deb", "--contents", str(deb))
        assert "-rwxr-xr-x root/root" in inside and not re.search(r"^-r..------", inside, re.M)
        assert stat.S_IMODE(deb.stat().st_mode) == 0o644 & ~umask
    assert any(name.startswith("localhost/greet:") for name in found[0o022])
    assert found[0o077] == found[0o022]
    assert found[0o027] == found[0o022]
