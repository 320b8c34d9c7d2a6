"""What one account has baked, another takes over: in a file as a CI does, or from a registry."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from .conftest import CHECKOUT, User
from .project import Project, sample
from .small import registry

PAGE = CHECKOUT / "docs" / "caches.md"


def workflows() -> tuple[dict[str, Any], dict[str, Any]]:
    """The files of the page: GitHub's and GitLab's."""
    texts = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    github, gitlab = map(yaml.safe_load, texts)
    return github, gitlab


def scripts() -> tuple[list[str], list[str]]:
    """The commands of both that call pdbuild."""
    github, gitlab = workflows()
    steps = github["jobs"]["bake"]["steps"]
    ones = [step["run"] for step in steps if "run" in step]
    others = [*gitlab["bake"]["before_script"], *gitlab["bake"]["script"]]
    mine = re.compile(r"(^|then )pdbuild ", re.MULTILINE)
    return [t for t in ones if mine.search(t)], [t for t in others if mine.search(t)]


def test_the_files_of_the_page_are_what_they_should_be() -> None:
    github, gitlab = workflows()
    uses = [step["uses"] for step in github["jobs"]["bake"]["steps"] if "uses" in step]
    assert uses == ["actions/checkout@v4", "actions/cache/restore@v4", "actions/cache/save@v4"]
    paths = {
        s["with"]["path"] for s in github["jobs"]["bake"]["steps"] if "cache" in s.get("uses", "")
    }
    assert paths == set(gitlab["bake"]["cache"]["paths"]) == {"build/cache.tar.zst"}
    for found in scripts():
        verbs = [re.findall(r"pdbuild (?:cache )?\w+", text)[0] for text in found]
        assert verbs == ["pdbuild cache import", "pdbuild bake", "pdbuild cache export"]


def ci(project: Project, script: str) -> str:
    """Run a CI's command here; what it said."""
    path = f"{project.program.parent}:{project.user.env['PATH']}"
    done = project.user.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=project.root, env={"PATH": path, "CI": "true"}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_ci_begins_where_the_last_one_ended(
    user: User, newcomer: User, hello: Project, pdbuild_python: Path
) -> None:
    first, second = scripts()
    one = sample(user, pdbuild_python, "hello", "ci")
    for script in first:
        ci(one, script)
    kept = (one.root / "build/cache.tar.zst").read_bytes()
    same = set()
    for name in ("a", "b"):
        ci(one, f"pdbuild cache export build/{name} --only objects,downloads,bases,engines")
        same.add((one.root / "build" / name).read_bytes())
    assert len(same) == 1

    other = sample(newcomer, pdbuild_python, "hello", "ci")
    (other.root / "build").mkdir()
    (other.root / "build/cache.tar.zst").write_bytes(kept)
    subprocess.run(["chown", "-R", f"{newcomer.name}:", other.root], check=True)
    for script in second[:2]:
        ci(other, script)
    assert other.ran() == []
    assert (other.root / "build/quiet/bin/hello").read_bytes() == (
        one.root / "build/quiet/bin/hello"
    ).read_bytes()

    # After an edit the tools are there, and what else was compiled is found.
    words = other.root / "src/words.c"
    other.written("src/words.c", words.read_text() + "\nint more(void) { return 1; }\n")
    other.succeeds("bake", "binaries")
    assert set(other.ran()) == {"build-quiet", "build-loud"}


def test_layers_are_kept_in_a_registry_and_in_a_folder(
    user: User, hello: Project, pdbuild_python: Path, tmp_path: Path
) -> None:
    one = sample(user, pdbuild_python, "hello", "layered")
    folder = user.home / "layers"

    def elsewhere(name: str) -> dict[str, str]:
        places = {"CACHE": user.home / name, "RUNTIME": user.home / f"run-{name}"}
        return {f"PDBUILD_{kind}_DIR": str(path) for kind, path in places.items()}

    with registry(tmp_path / "registry") as served:
        place = f"{served.address}/team/cache"
        one.succeeds("bake", "binaries", f"--cache-to={place}")
        assert served.tags("team/cache") == ["binaries-loud", "binaries-quiet"]
        one.succeeds("bake", "binaries", f"--cache-to={folder}")
        made = (one.root / "build/quiet/bin/hello").read_bytes()
        for number, taken in enumerate((place, str(folder))):
            env = elsewhere(f"travel{number}")
            shutil.rmtree(one.root / "build")
            one.succeeds("bake", "binaries", f"--cache-from={taken}", env=env)
            assert one.ran() == [], taken
            assert (one.root / "build/quiet/bin/hello").read_bytes() == made
            one.succeeds("prune", "--caches", env=env)
    # Nobody there: it is built.
    done = one.pdbuild("bake", "binaries-quiet", "--again", f"--cache-from={place}")
    assert done.returncode == 0, done.stderr
    refused = one.pdbuild("bake", "binaries", "--engine=buildah", f"--cache-to={place}")
    assert refused.returncode == 2 and "layers in a folder alone" in refused.stderr
