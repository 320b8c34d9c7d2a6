"""What Apptainer is told to run a program in an unpacked image, and what of it is refused."""

from itertools import pairwise
from pathlib import Path

import pytest

from pdbuild.container import apptainer, runtimes
from pdbuild.container.composed import Composed
from pdbuild.errors import EngineError, UsageError
from pdbuild.transfer.bundle import Bound

ENV = {"HOME": "/tmp", "PATH": "/usr/bin", "WORD": "a, $b"}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin/apptainer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("APPTAINER_BIND", "/scratch")
    return program


def words(folder: Path, env: dict[str, str], *bound: Bound) -> list[str]:
    inside = Composed(argv=("a.py", "two words"), env=env, workdir="/work")
    own = Bound(source=folder / "tmp", target="/tmp")
    return apptainer.argv(inside, (own, *bound), folder / "root", folder)


def test_it_has_what_is_mounted_and_set_and_no_more(tmp_path: Path, installed: Path) -> None:
    given = (
        Bound(source=tmp_path, target="/work"),
        Bound(source=Path("/usr"), target="/usr", read_only=True),
        Bound(source=Path('/a,"b"'), target="/odd, too"),
    )
    said = words(tmp_path, ENV, *given)
    start, end = said.index(str(installed)), said.index(f"{tmp_path}/root")
    assert said[:2] == ["env", "-i"] and said[end + 1 :] == ["a.py", "two words"]
    assert dict(word.split("=", 1) for word in said[2:start]) == {
        "PATH": f"{installed.parent}:/usr/bin:/bin",
        "APPTAINER_CONFIGDIR": f"{tmp_path}/apptainer",
        "APPTAINERENV_PATH": "/usr/bin",
        "APPTAINERENV_WORD": "a, $b",
    }
    asked = said[start + 1 : end]
    assert {"exec", "--cleanenv", "--no-eval"} <= set(asked)
    values = dict(pairwise(asked))
    assert values["--no-mount"] == "hostfs,bind-paths,cwd,tmp" and values["--pwd"] == "/work"
    assert values["--home"] == f"{tmp_path}/tmp:/tmp"
    assert [value for word, value in pairwise(asked) if word == "--mount"] == [
        f'type=bind,"source={tmp_path}/tmp","destination=/tmp"',
        f'type=bind,"source={tmp_path}","destination=/work"',
        'type=bind,"source=/usr","destination=/usr",ro',
        'type=bind,"source=/a,""b""","destination=/odd, too"',
    ]


def test_a_home_is_a_mount_or_refused_by_name(tmp_path: Path) -> None:
    home = Bound(source=tmp_path, target="/home/ann")
    said = words(tmp_path, ENV | {"HOME": "/home/ann"}, home)
    assert dict(pairwise(said))["--home"] == f"{tmp_path}/tmp:/home/ann"
    with pytest.raises(UsageError, match="by apptainer there is no HOME=/root") as raised:
        words(tmp_path, ENV | {"HOME": "/root"}, home)
    assert raised.value.hint == "-e HOME=/tmp"


def test_it_is_there_or_missed_and_the_caller_is_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert runtimes.choose("apptainer", print).own_uid()
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(EngineError, match="--runtime apptainer") as raised:
        runtimes.choose("apptainer", print)
    assert "module load" in raised.value.hint
