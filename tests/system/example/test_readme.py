"""Every command in the README does what it says, typed by a user in a clean clone."""

import re
from pathlib import Path

from pdbuild import shipped
from pdbuild.recipe import load
from system.conftest import CHECKOUT
from system.project import Project

README = CHECKOUT / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_commands_run_in_order(paddle: Project, version: str) -> None:
    # One shell, as a person has one terminal. The packages are there, so `make bake` needs no sudo.
    script = "set -e\n" + "\n".join(blocks("sh"))
    done = paddle.user.run(["bash", "-xc", script], cwd=paddle.root, timeout=1500)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "next: .venv/bin/pdbuild run a.py --variant gpu-noavx" in done.stdout
    assert re.search(
        r"^image-gpu-noavx +localhost/paddle:\S+ +[\d.]+ MB", done.stdout, re.MULTILINE
    )
    # By the default variant, noavx, gpu-noavx, the one that fits, and that of another platform.
    assert done.stdout.count("accuracy") == 5
    assert '"target": "image-noavx"' in done.stdout
    assert "AS image-gpu-noavx" in done.stdout


# The README's commands that need more than a clone and a terminal, and what runs each.
ELSEWHERE = {
    "make test": "this run",
    "pdbuild build": "test_build.py",
    "pdbuild shell": "test_shell.py",
    "pdbuild shell --at TARGET": "test_shell.py",
    "pdbuild ssh": "test_ssh.py",
    "pdbuild docs --serve": "test_pages.py",
    "podman build -t paddle:dev .": "test_containerfile.py",
    "podman run -v $PWD:/paddle -e GPU=OFF -e AVX=ON -e TEST=ON paddle:dev": "test_dev_image.py",
    "podman build -t paddle -f build/Dockerfile .": "test_dockerfile.py",
    "podman run -it -v $PWD:/work paddle /work/a.py": "test_dockerfile.py",
    "pdbuild push --to registry.example.org/team/paddle": "test_push.py",
    "pdbuild pull registry.example.org/team/paddle:0.1": "test_push.py",
    "pdbuild run a.py": "test_run.py",
    "pdbuild app run": "test_applications.py",
    "pdbuild push --recipe book --to registry.example.org/team/book": "test_published.py",
    "podman run -it -p 8080:8080 registry.example.org/team/book:VERSION": "test_published.py",
    "ssh login": "a person",
    "pdbuild doctor": "test_doctor.py",
    "cd examples/paddle": "a person",
    "pdbuild submit train_distributed.py --to slurm --nodes 2": "test_distributed.py",
    "pdbuild jobs": "cluster/test_submit.py",
    "pdbuild cache export build/cache.tar.zst": "test_travel.py",
    "PDBUILD_CACHE=redis://cache.example.org pdbuild bake all": "test_compile_cache.py",
    "pdbuild fetch --to carried": "test_offline.py",
    "pip install .": "test_wheel.py",
    "pdbuild engines install": "make test, before this run",
    "cd my-project && pdbuild init": "test_wheel.py",
    "pdbuild bake all": "test_wheel.py",
}


def test_the_other_commands_are_run_elsewhere() -> None:
    lines = "".join(blocks("console")).splitlines()
    assert {line.partition("  #")[0].rstrip() for line in lines} == set(ELSEWHERE)
    for command, module in ELSEWHERE.items():
        if module.endswith(".py"):
            # Its verb at least is in there.
            verb = re.sub(r"^(cd \S+ && |\w+=\S+ )?(pdbuild|podman|pip) ", "", command).split()[0]
            found = list(Path(__file__).parents[1].rglob(module))
            assert any(f'"{verb}"' in file.read_text() for file in found), command


def test_the_recipe_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / "pdbuild.toml").write_text(text)
    recipe = load.load(tmp_path / "pdbuild.toml", blocks_dir=shipped.toolchain_dir())
    assert set(recipe.variants) == {"fast", "portable"}
    assert len([line for line in text.splitlines() if line.strip()]) <= 20
