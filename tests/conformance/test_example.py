"""The example, baked with both engines: the same files and images, but for what is explained."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from system.conftest import CHECKOUT, User

from .test_conformance import differing

pytestmark = pytest.mark.long

# Differences that docs/engines.md explains, as lines of `differing`.
EXPLAINED = (
    # made from nothing without a WORKDIR
    r"/config/config/WorkingDir: '/' != None",
    r"/config/config/ArgsEscaped: True != None",
    # of the time of the build, and of a package's installation: no two builds agree
    r"/created: ",
    r"/dev/tree/etc/machine-id/content: ",
    r"/dev/tree/usr/lib/pdbuild/project/rootfs\.tar/content: ",  # the times of its files
)


def test_both_engines_make_the_same_of_the_example(
    builder: User, pdbuild_python: Path, driver: Path, older: str
) -> None:
    made = {}
    # The same commit for both, whatever happens to the checkout meanwhile.
    origin = builder.home / "origin.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", CHECKOUT, origin], check=True)
    for engine in ("buildkit", "buildah"):
        root = builder.home / engine / "example"
        subprocess.run(["git", "clone", "--quiet", origin, root], check=True)
        subprocess.run(["chown", "-R", f"{builder.name}:", root.parent], check=True)
        program = pdbuild_python.with_name("pdbuild")
        argv = [program, "bake", "all", f"--engine={engine}", "--quiet"]
        done = builder.run(argv, cwd=root, timeout=3000)
        assert done.returncode == 0, done.stderr[-4000:]
        trees = [pdbuild_python, "-m", "conformance.trees", root]
        told = builder.run(trees, env={"PYTHONPATH": str(driver)}, cwd=driver, timeout=300)
        assert told.returncode == 0, told.stderr
        made[engine] = {name: plain(output) for name, output in json.loads(told.stdout).items()}
    found = differing(made["buildkit"], made["buildah"])
    unexplained = [line for line in found if not any(re.search(e, line) for e in EXPLAINED)]
    assert not unexplained, "\n".join(unexplained)


def plain(output: dict[str, Any]) -> dict[str, Any]:
    """An output without the order of its variables."""
    config = output["config"]["config"]
    return {**output, "config": {"config": {**config, "Env": sorted(config.get("Env", ()))}}}
