"""The block woboq: built in the dev image from a source that pdbuild fetched, or left out aloud.

KDAB's codebrowser itself cannot be had without GitHub. `tests/system/codebrowser` stands in for
it: the same programs, arguments and files. The block's own install and check hooks run on it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import CHECKOUT, User
from .project import Project, give

STAND_IN = Path(__file__).with_name("codebrowser")
RECIPE = """\
[project]
name = "browsed"
version = "1.0"
[toolchain]
blocks = ["woboq"]
packages = ["g++"]
[build]
hook = "./build.sh"
"""
# Only as many files as it takes to have something baked into build/.
HOOK = '#!/bin/bash\nmkdir -p "$PDBUILD_OUTPUT/usr"\necho 1 >"$PDBUILD_OUTPUT/usr/file"\n'


def shipped_block(source: str, pin: str) -> str:
    """pdbuild's own block with another source, and without clang, which the stand-in needs not."""
    text = (CHECKOUT / "recipes/toolchain/woboq.toml").read_text()
    text = re.sub(r"^requires = .*$", "requires = []", text, flags=re.MULTILINE)
    text = re.sub(r"^apt = .*$", 'apt = ["cmake", "ninja-build"]', text, flags=re.MULTILINE)
    return text[: text.index("[source]")] + f"[source]\n{source}\n{pin}\n"


@pytest.fixture
def browsed(user: User, pdbuild_python: Path, engines: Path) -> Iterator[Project]:
    """A project whose one block is woboq."""
    root = user.home / "browsed"
    (root / "toolchain").mkdir(parents=True)
    (root / "pdbuild.toml").write_text(RECIPE)
    (root / "build.sh").write_text(HOOK)
    give(user, root)
    yield Project(user=user, root=root, program=pdbuild_python.parent / "pdbuild")
    shutil.rmtree(root)


def repository(user: User, name: str, *, broken: bool = False) -> tuple[Path, str]:
    """The stand-in as a git repository of the user's, and its commit."""
    folder = user.home / name
    shutil.copytree(STAND_IN, folder)
    if broken:
        program = folder / "generator.cc"
        program.write_text(program.read_text().replace("<< text", '<< "nothing"'))
    give(user, folder)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1"]):
        assert user.run([*git, *words]).returncode == 0
    return folder, user.run([*git, "rev-parse", "HEAD"]).stdout.strip()


def label(project: Project) -> str:
    argv = ["podman", "image", "inspect", "--format={{json .Labels}}", "localhost/browsed:dev"]
    done = subprocess.run(
        ["setpriv", f"--reuid={project.user.uid}", f"--regid={project.user.uid}",
         "--clear-groups", *argv],
        env=project.user.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(done.stdout).get("org.pdbuild.left-out", ""))


def test_the_block_is_built_and_proves_itself(browsed: Project) -> None:
    folder, commit = repository(browsed.user, "stand-in")
    block = shipped_block(f'git = "file://{folder}"', f'commit = "{commit}"')
    browsed.written("toolchain/woboq.toml", block)
    report = json.loads(browsed.succeeds("bake", "--json", "dev"))
    assert report["left_out"] == {} and label(browsed) == ""
    run = ("podman", "run", "--rm", "localhost/browsed:dev")
    assert "codebrowser_generator" in browsed.runs(*run, "ls", "/opt/woboq/bin")
    assert browsed.runs(*run, "cat", "/opt/woboq/data/codebrowser.js") == "// stand-in\n"
    # The plain text does not depend on it: plain tools can build it without.
    text = browsed.succeeds("bake", "--print=containerfile", "dev")
    assert "source-woboq" not in text and "# woboq: left out" in text
    shutil.rmtree(folder)


def test_a_browser_that_does_not_work_fails_the_bake(browsed: Project) -> None:
    folder, commit = repository(browsed.user, "broken", broken=True)
    block = shipped_block('git = "https://codebrowser.invalid/x"', f'commit = "{commit}"')
    browsed.written("toolchain/woboq.toml", block)
    browsed.written(
        "pdbuild.toml", RECIPE.replace("packages", 'woboq = { source = "../broken" }\npackages')
    )
    done = browsed.pdbuild("bake", "dev", timeout=1200)
    assert done.returncode == 1 and "check/woboq" in done.stderr
    shutil.rmtree(folder)


def test_without_the_source_it_is_left_out_aloud(browsed: Project) -> None:
    block = shipped_block('git = "https://codebrowser.invalid/x"', f'commit = "{"1" * 40}"')
    browsed.written("toolchain/woboq.toml", block)
    said = browsed.succeeds("bake", "dev", "binaries")
    assert re.search(r"^LEFT OUT of the toolchain: woboq: https://codebrowser", said, re.MULTILINE)
    report = json.loads(browsed.succeeds("bake", "--json", "dev"))
    assert "codebrowser.invalid" in report["left_out"]["woboq"]
    listed = json.loads((browsed.root / "build/artifacts.json").read_text())
    assert "codebrowser.invalid" in listed["left_out"]["woboq"]
    assert label(browsed) == "woboq"
    browsed.written("toolchain/woboq.toml", block.replace("optional = true", "optional = false"))
    done = browsed.pdbuild("bake", "dev")
    assert done.returncode == 1 and "block woboq cannot be built" in done.stderr
