"""`pdbuild submit` up to what it would send; `sbatch` is a stand-in."""

import json
from pathlib import Path

import pytest
import yaml

from pdbuild.cli import main

RECIPE = """\
[project]
name = "squares"
version = "1.0"
[variants]
fast = { default = true }
[image]
[submit.big]
kind = "slurm"
nodes = 4
gpus = 2
environment = { LEVEL = "low", MODE = "x" }
[submit.cloud]
kind = "kubernetes"
to = "registry.example.org/team/squares"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a program, and nothing baked."""
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "pdbuild.toml").write_text(RECIPE)
    (folder / "a.py").write_text("print(1)\n")
    monkeypatch.chdir(folder)
    return folder


def options_in(script: str) -> list[str]:
    return [line.split()[1] for line in script.splitlines() if line.startswith("#SBATCH")]


def test_a_place_of_the_recipe_and_what_the_command_line_says(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("submit", "a.py", "--to", "big", "--print", "--nodes", "2", "-e", "LEVEL=high")
    assert main(words) == 0
    out, err = capsys.readouterr()
    asked = options_in(out)
    assert "--nodes=2" in asked and "--gres=gpu:2" in asked
    assert "environment=(LEVEL=high MODE=x)" in out
    assert "program=(/work/a.py)" in out and f"{here}:/work" in out
    assert "localhost/squares:1.0 is not baked yet" in err
    assert not (here / "build").exists()


def test_slurm_need_not_be_declared(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("submit", "--to=slurm", "--print", "squares", "7", "--time", "7")) == 0
    out = capsys.readouterr().out
    assert "--nodes=1" in options_in(out) and "program=(squares 7 --time 7)" in out


def test_manifests_name_the_repository(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("submit", "a.py", "--to=cloud", "--print", "--nodes=2")) == 0
    found = {m["kind"]: m for m in yaml.safe_load_all(capsys.readouterr().out)}
    (container,) = found["Job"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.org/team/squares:1.0"
    assert found["ConfigMap"]["data"] == {"a.py": "print(1)\n"}
    assert found["Job"]["spec"]["completions"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.py",), "submit: --to NAME says where\n  hint: one of big, cloud, slurm, kubernetes"),
        (("a.py", "--to=bgi"), '--to bgi: no such place\n  hint: did you mean "big"?'),
        (("--to=big",), "submit: no program"),
        (("b.py", "--to=big", "--print"), "there is no file b.py"),
        (("a.py", "--to=big", "--nodes=0", "--print"), "--nodes: 0 is less than 1"),
        (("a.py", "--to=big", "--time=soon", "--print"), '--time: "soon" is not a time'),
        (("a.py", "--to=big", "--runtime=x", "--print"), '--runtime: "x" is not one of its values'),
        (("a.py", "--to=big", "--variant=fats", "--print"), "--variant fats: not one variant"),
        (("a.py", "--to=kubernetes", "--print"), "nodes pull images from a registry"),
        (("a.py", "--to=cloud", "--tasks=2", "--print"), "a rank is a pod"),
        (("a.py", "--to=cloud", "-v", "/usr:/usr", "--print"), "pods see no folders"),
    ],
)
def test_wrong_uses_are_said(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(("submit", *words)) == 2
    assert said in capsys.readouterr().err


def test_a_folder_with_a_colon_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here.rename(here.with_name("he:re")))
    assert main(("submit", "a.py", "--to=big", "--print")) == 2
    assert "can have no colon in its name" in capsys.readouterr().err


def test_jobs_logs_and_cancel_of_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("jobs", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == []
    for verb in ("cancel", "logs"):
        assert main((verb, "slurm-7")) == 2
        assert "no job slurm-7 was sent from here" in capsys.readouterr().err
