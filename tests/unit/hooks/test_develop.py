"""The shell behind the dev image's contract, as far as it needs no image."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild import source
from pdbuild.version import patterns

HOOKS = Path(__file__).parents[3] / "hooks"
OPTIONS = ("GPU OFF WITH_GPU ON OFF", "AVX ON WITH_AVX ON OFF", "LANGUAGE_OF en - en fr")


def settle(**environment: str) -> subprocess.CompletedProcess[str]:
    """Read the options from this environment; prints their values."""
    words = " ".join(f"'{option}'" for option in OPTIONS)
    script = f'. "$0"; read_options {words}; echo "$GPU $AVX $LANGUAGE_OF ${{WITH_GPU-unset}}"'
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script, str(HOOKS / "settings")],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        ({}, "OFF ON en unset"),
        ({"GPU": "1", "AVX": "false"}, "ON OFF en unset"),
        ({"GPU": "true", "LANGUAGE_OF": "fr"}, "ON ON fr unset"),
        ({"WITH_GPU": "ON"}, "ON ON en unset"),
        ({"WITH_GPU": "1", "GPU": "ON"}, "ON ON en unset"),
        # None of these is an option by mistake.
        ({"CPU": "8", "CI": "true", "AVX_LEVEL": "1", "CPUS": "1"}, "OFF ON en unset"),
    ],
)
def test_values(environment: dict[str, str], values: str) -> None:
    done = settle(**environment)
    assert (done.returncode, done.stdout.strip()) == (0, values), done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"GPU": "on"},
        {"GPU": ""},
        {"LANGUAGE_OF": "de"},
        {"LANGUAGE_OF": "1"},
        {"WITH_GPU": "ON", "GPU": "OFF"},
        {"WITH_CUDA": "OFF"},
        {"GP": "ON"},
        {"GPUU": "ON"},
        {"PGU": "0"},
        {"CPU": "ON"},
        {"Gpu": "true"},
        {"USE_GPU": "1"},
    ],
)
def test_refusals(environment: dict[str, str]) -> None:
    done = settle(**environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and "\n  hint: " in done.stderr


@pytest.mark.parametrize(("name", "empty"), [(None, True), ("file", False), (".hidden", False)])
def test_what_is_mounted(name: str | None, empty: bool, tmp_path: Path) -> None:
    """Also in a folder whose name is a pattern of the shell."""
    folder = tmp_path / "a [b] *"
    folder.mkdir()
    if name:
        (folder / name).touch()
    text = (HOOKS / "develop").read_text()
    function = text[text.index("is_empty() {") :].partition("\n}\n")[0] + "\n}"
    done = subprocess.run(["bash", "-euc", f'{function}; is_empty "$1"', "x", folder], check=False)
    assert (done.returncode == 0) == empty


def test_the_version_is_what_pdbuild_says(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(tmp_path)}

    def git(*words: str) -> None:
        settings = ("-c", "user.name=x", "-c", "user.email=x@x")
        subprocess.run(["git", "-C", tree, *settings, *words], check=True, env=environment)

    def agreed() -> str:
        argv = ["bash", HOOKS / "version", tree, *patterns("x")]
        said = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
        assert said.stdout.strip() == source.describe(tree, "git", patterns("x")).version.text
        return said.stdout.strip()

    assert agreed() == "0.0.0"
    git("init", "--quiet")
    assert agreed() == "0.0.0"
    (tree / "file").write_text("1")
    git("add", "file")
    git("commit", "--quiet", "--message=1")
    assert agreed().startswith("0.0.0-1-g")
    git("tag", "v1.2.0-rc1")
    git("tag", "other")
    assert agreed() == "1.2.0-rc1"
    (tree / "file").write_text("2")
    assert agreed() == "1.2.0-rc1-dirty"
    git("commit", "--quiet", "--all", "--message=2")
    assert agreed().startswith("1.2.0-rc1-1-g")
    (tree / "file").write_text("3")
    assert agreed().endswith("-dirty")
