"""The entrypoint of production images, by the shell that they have."""

import subprocess
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "hooks/entrypoint"


def _runs(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"/nowhere:{path}", "HOME": "/tmp"}
    argv = ["/bin/sh", ENTRYPOINT, *words]
    return subprocess.run(argv, env=env, cwd=path, capture_output=True, text=True, check=False)


def _program(path: Path) -> None:
    path.write_text('#!/bin/sh\necho "$0" runs "$@"\n')
    path.chmod(0o755)


@pytest.mark.parametrize("name", ["hello", "echo", "true", "test"])
def test_a_program_of_the_image_runs_also_where_the_shell_has_its_name(
    name: str, tmp_path: Path
) -> None:
    _program(tmp_path / name)
    assert _runs(tmp_path, name, "a b").stdout == f"{tmp_path / name} runs a b\n"
    assert _runs(tmp_path, f"./{name}").stdout == f"./{name} runs\n"


@pytest.mark.parametrize("name", ["hello", "echo", "true", "if", "./hello", "/no/hello", "-v"])
def test_a_program_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    done = _runs(tmp_path, name)
    assert done.returncode == 127
    assert done.stderr == f"error: there is no program {name} in this image\n"


def test_a_file_that_is_no_program_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("1\n")
    done = _runs(tmp_path, "./data")
    assert done.returncode == 126 and "denied" in done.stderr
