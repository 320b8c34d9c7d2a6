"""What shells complete: real bash, zsh and fish, which ask the real pdbuild."""

import argparse
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout_bits import Checkout

pytest.importorskip("argcomplete", reason="NOT RUN: pdbuild is not installed with argcomplete")

RECIPE = """\
project.name = "x1"
project.version = "1.0"
[options]
SIMD = { default = "ON" }
LEVEL = { default = "low", values = ["low", "high"] }
[variants]
fast = { SIMD = "ON", default = true }
plain = { SIMD = "OFF" }
[image]
"""
BASH = """
eval "$(pdbuild completion bash)"
for COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_WORDS=($COMP_LINE) COMPREPLY=()
    _python_argcomplete pdbuild
    printf '%s\\n' "${COMPREPLY[@]}" ---
done
"""
FISH = """
pdbuild completion fish | source
for line in $argv
    complete -C $line
    echo ---
end
"""

Ask = Callable[..., list[set[str]]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and pdbuild by its name."""
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "pdbuild.toml").write_text(RECIPE)
    (folder / "a program.py").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(params=["bash", "fish"])
def ask(request: pytest.FixtureRequest, here: Path) -> Ask:
    """What the shell offers for each line."""
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"NOT RUN: there is no {request.param}")
    scripts = {
        "bash": [shell, "--norc", "-c", BASH, "bash"],
        "fish": [shell, "--no-config", "-c", FISH],
    }

    def ask(*lines: str) -> list[set[str]]:
        argv = [*scripts[request.param], *lines]
        seen = subprocess.run(argv, capture_output=True, text=True, check=True)
        answers = seen.stdout.split("---\n")[:-1]
        return [
            {text.partition("\t")[0].strip() for text in answer.splitlines()} - {""}
            for answer in answers
        ]

    return ask


OFFERED = {
    "pdbuild ima": {"images"},
    "pdbuild b": {"bake", "build", "browse"},
    "pdbuild -v ba": {"bake"},
    "pdbuild bake --keep": {"--keep-going"},
    "pdbuild bake image": {"image-fast", "image-plain", "images"},
    "pdbuild bake dev deb": set(),
    "pdbuild bake --engine ": {"auto", "buildkit", "buildah", "proot"},
    "pdbuild build --variant ": {"fast", "plain"},
    "pdbuild run --variant ": {"auto", "fast", "plain"},
    "pdbuild bake --set L": {"LEVEL=low", "LEVEL=high"},
    "pdbuild shell --at bin": {"binaries-fast", "binaries-plain", "binaries"},
    "pdbuild completion ": {"bash", "zsh", "fish"},
    "pdbuild build --target ": set(),
    "pdbuild verify f": {"fast"},
}


def test_verbs_options_and_the_recipes_names(ask: Ask) -> None:
    *offered, program = ask(*OFFERED, "pdbuild run a")
    common = {"--help", "--verbose", "-h", "-v"}
    seen = dict(zip(OFFERED, (names - common for names in offered), strict=True))
    assert seen == OFFERED
    assert {name.replace("\\", "") for name in program} == {"a program.py"}


@pytest.mark.parametrize("text", ["no toml", ""])
def test_a_recipe_with_mistakes_offers_nothing(text: str, here: Path, ask: Ask) -> None:
    (here / "pdbuild.toml").write_text(text)
    assert ask("pdbuild bake image") == [set()]


def test_images_stand_before_a_program(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdbuild import completion

    monkeypatch.chdir(checkout.root)
    asked = argparse.Namespace(program=[])
    assert set(completion._programs("squares:1.0", asked)) == {
        "squares:1.0",
        "squares:1.0-portable",
    }
    assert set(completion._programs("p", asked)) == {"pdbuild.toml"}
    assert not set(completion._programs("squares:1.0", argparse.Namespace(program=["x:1"])))


def test_zsh_completes_what_is_typed(here: Path) -> None:
    shell = shutil.which("zsh")
    if shell is None:
        pytest.skip("NOT RUN: there is no zsh")
    child, terminal = pty.fork()
    if child == 0:
        os.environ["PROMPT_EOL_MARK"] = ""
        os.execv(shell, [shell, "-f", "-i"])
    try:
        typed = b'autoload -U compinit; compinit -u -D; PS1=; eval "$(pdbuild completion zsh)"; '
        os.write(terminal, typed + b"echo re''ady\n")
        assert b"\nready" in until(terminal, b"\nready")
        # What stands on the line in the end is shown by echo in front of it.
        os.write(terminal, b"pdbuild bake image-p\t\x01echo got: \n")
        wanted = b"\ngot: pdbuild bake image-plain"
        assert wanted in until(terminal, wanted)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)


def until(terminal: int, wanted: bytes) -> bytes:
    """What a terminal shows until it shows `wanted`, or 20 seconds have passed."""
    shown, end = b"", time.monotonic() + 20
    while wanted not in shown and (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            shown += os.read(terminal, 4096).replace(b"\r", b"")
    return shown
