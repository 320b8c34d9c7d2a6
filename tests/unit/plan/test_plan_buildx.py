"""The real buildx reads our bake files, and keeps every key."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from golden_bits import CASES, GOLDEN, bake, plan

from pdbuild import tools


@pytest.fixture(scope="module")
def buildx() -> Path:
    tool = tools.find("buildx")
    if tool is None:
        pytest.skip("NOT RUN: no buildx here; `pdbuild engines install` builds it")
    return tool.path


def printed(buildx: Path, text: str, folder: Path) -> dict[str, Any]:
    """What buildx understands of a bake file, as a bake file: with `${` doubled again."""
    file = folder / "docker-bake.json"
    # The files of secrets must be there even for this.
    for named in ("/etc/ssl/certs/ca-certificates.crt", "/cache/network"):
        text = text.replace(f"src={named}", f"src={folder / 'secret'}")
    (folder / "secret").write_text("x")
    file.write_text(text)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("BUILDX")
    }
    environment |= {
        "BUILDX_CONFIG": str(folder / "config"),
        "DOCKER_CONFIG": str(folder / "config"),
    }
    ran = subprocess.run(
        [str(buildx), "bake", f"--file={file}", "--print"],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


def fields(texts: list[Any]) -> list[dict[str, str]]:
    """Options as pairs, however they are written."""
    return [
        text if isinstance(text, dict) else dict(part.split("=", 1) for part in text.split(","))
        for text in texts
    ]


@pytest.mark.parametrize("case", CASES)
def test_buildx_keeps_every_key(case: str, buildx: Path, tmp_path: Path) -> None:
    text = (GOLDEN / case / "docker-bake.json").read_text()
    ours = json.loads(text)
    theirs = printed(buildx, text, tmp_path)
    assert theirs["target"].keys() == ours["target"].keys()
    for name, target in ours["target"].items():
        seen = theirs["target"][name]
        assert target.keys() <= seen.keys(), name
        for key in target.keys() - {"secret", "output"}:
            assert seen[key] == target[key], (name, key)
        assert fields(seen.get("output", [])) == fields(target.get("output", []))
        assert [s["id"] for s in fields(seen["secret"])] == ["ca", "network"]


def test_hostile_settings_arrive_as_they_are(buildx: Path, tmp_path: Path) -> None:
    import dataclasses

    hostile = "a ${HOME} %{x} \" ' \\ , \u2028 é $HOME"
    made = plan("smallest")
    targets = tuple(
        dataclasses.replace(target, args={"A": hostile, "B": "$${y}"}, labels={"l": hostile})
        for target in made.targets
    )
    text = bake(dataclasses.replace(made, targets=targets, root=f"/tmp/{hostile}"))
    target = printed(buildx, text, tmp_path)["target"]["binaries-default"]
    seen = {target["args"]["A"], target["labels"]["l"], target["context"].removeprefix("/tmp/")}
    assert {text.replace("$${", "${").replace("%%{", "%{") for text in seen} == {hostile}
    assert target["args"]["B"] == "$$${y}"
    (output,) = target["output"]
    assert output["type"] == "local" and output["dest"].endswith("$HOME/build/default")
