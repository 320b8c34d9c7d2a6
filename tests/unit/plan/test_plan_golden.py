"""Each folder of tests/golden is a recipe and the texts that it renders to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from golden_bits import CASES, CHECKOUT, GOLDEN, bake, containerfile, plan, recipe

from pdbuild.targets import dockerfile


def same(path: Path, seen: str, request: pytest.FixtureRequest) -> None:
    """`seen` is what the file `path` holds, byte for byte."""
    if request.config.getoption("--update-golden"):
        path.write_bytes(seen.encode())
    assert seen == path.read_bytes().decode()


@pytest.mark.parametrize("case", CASES)
def test_containerfile(case: str, request: pytest.FixtureRequest) -> None:
    same(GOLDEN / case / "Containerfile", containerfile(case, plan(case)), request)


@pytest.mark.parametrize("case", CASES)
def test_bake_file(case: str, request: pytest.FixtureRequest) -> None:
    text = bake(plan(case))
    assert str(CHECKOUT) not in text
    same(GOLDEN / case / "docker-bake.json", text, request)


@pytest.mark.parametrize("case", [case for case in CASES if recipe(case).image])
def test_dockerfile(case: str, request: pytest.FixtureRequest) -> None:
    """`build/Dockerfile` and what it leaves out of the context."""
    rendered = recipe(case)
    assert rendered.image
    text = dockerfile.render(rendered, rendered.image, "1.2.3")
    same(GOLDEN / case / "Dockerfile", text, request)
    ignored = dockerfile.render_ignored(rendered).splitlines()
    assert ignored[0] == "*"
    assert ignored[1:] == [
        "!build/rootfs.tar",
        *(f"!build/{name}" for v in rendered.variants for name in (f"rootfs-{v}.tar", v)),
        *(["build/*/share/doc", "build/*/share/man"] if rendered.package else []),
    ]


def test_the_root_containerfile_is_what_the_recipe_renders_to() -> None:
    """The one tracked build file, by the command that its heading names."""
    command = [sys.executable, "-m", "pdbuild", "bake", "all", "--print=containerfile"]
    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (CHECKOUT / "Containerfile").read_text(), (
        "run: pdbuild bake all --print=containerfile > Containerfile"
    )
    assert (GOLDEN / "paddle" / "Containerfile").resolve() == CHECKOUT / "Containerfile"
    # The name that Docker looks for.
    assert (CHECKOUT / "Dockerfile").readlink() == Path("Containerfile")


_RENDER = """
import sys
sys.path.insert(0, sys.argv[1])
from golden_bits import CASES, bake, containerfile, plan
for case in CASES:
    print(containerfile(case, plan(case)), bake(plan(case)))
"""


def test_the_same_bytes_whatever_the_hash_seed_locale_and_folder(tmp_path: Path) -> None:
    seen = set()
    for seed, locale in (("0", "C"), ("1", "C.UTF-8"), ("4711", "POSIX")):
        ran = subprocess.run(
            [sys.executable, "-c", _RENDER, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": f"X{seed[0]}"},
            cwd=tmp_path, capture_output=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr.decode()
        seen.add(ran.stdout)
    assert len(seen) == 1
