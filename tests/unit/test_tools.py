"""Finding programs: pdbuild's own first, PATH when recent enough, and what else to say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.errors import EngineError

Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a fake program, which says `text`, on a PATH that has nothing else."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(tools, "search_path", lambda: str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\necho '{text}'\necho asked >>{tmp_path}/asked\n")
        path.chmod(0o755)
        return path

    return put


@pytest.fixture
def install(tmp_path: Path, program: Program) -> Path:
    """A finished install of pdbuild's own, of which no program can be run."""
    folder = tmp_path / "data/engines/abc"
    (folder / "bin").mkdir(parents=True)
    for name in ("buildkitd", "buildx"):
        (folder / "bin" / name).write_bytes(b"")
        (folder / "bin" / name).chmod(0o755)
    manifest = {"module": tools.module_digest(), "versions": {"buildkitd": "0.34.2"}}
    (folder / tools.MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_own_install_wins_and_nothing_is_run(
    install: Path, program: Program, tmp_path: Path
) -> None:
    program("buildkitd", "buildkitd github.com/moby/buildkit v9.9.9")
    tool = tools.find("buildkitd")
    assert tool == tools.Tool(
        name="buildkitd", path=install / "bin/buildkitd", version="0.34.2", origin="pdbuild"
    )
    assert not (tmp_path / "asked").exists()


def test_install_of_other_pinned_versions_is_not_ours(install: Path) -> None:
    (install / tools.MANIFEST).write_text('{"module": "other", "versions": {}}')
    assert tools.find("buildkitd") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"module": 1}'])
def test_broken_manifest_is_no_install(install: Path, text: str) -> None:
    (install / tools.MANIFEST).write_text(text)
    assert tools.installed() is None


def test_path_is_used_when_recent_enough(program: Program) -> None:
    path = program("rootlesskit", "rootlesskit version 2.0.2")
    tool = tools.find("rootlesskit")
    assert tool == tools.Tool(name="rootlesskit", path=path, version="2.0.2", origin="PATH")


def test_docker_plugins_are_found(program: Program, tmp_path: Path) -> None:
    plugins = tmp_path / ".docker/cli-plugins"
    plugins.mkdir(parents=True)
    program("docker-buildx", "github.com/docker/buildx v0.29.1 abc").rename(
        plugins / "docker-buildx"
    )
    tool = tools.find("buildx")
    assert tool is not None
    assert (tool.path, tool.version) == (plugins / "docker-buildx", "0.29.1")


def test_old_program_is_an_error_that_says_why(program: Program) -> None:
    path = program("rootlesskit", "rootlesskit version 0.9.0")
    with pytest.raises(EngineError) as caught:
        tools.require("rootlesskit", reason="run BuildKit without root")
    assert caught.value.message == (
        "rootlesskit is needed to run BuildKit without root: "
        f"{path} is 0.9.0, and 1.1.0 is the oldest that works"
    )
    assert caught.value.hint == "run: pdbuild engines install"


def test_missing_system_program_names_its_package(program: Program) -> None:
    with pytest.raises(EngineError, match="it is not installed") as caught:
        tools.require("newuidmap", reason="map user ids")
    assert caught.value.hint == "run: apt install uidmap"


def test_system_programs_are_found_without_running_them(program: Program, tmp_path: Path) -> None:
    program("runc", "runc version 1.1.5+ds1")
    tool = tools.find("runc")
    assert tool is not None
    assert (tool.version, tool.origin) == ("", "system")
    assert not (tmp_path / "asked").exists()
    assert tools.measured(tool).version == "1.1.5"


def test_listing_has_every_tool_and_says_what_is_wrong(program: Program) -> None:
    program("git", "git version 2.1.0")
    program("podman", "podman version 5.0.0")
    rows = {row.name: row for row in tools.listing()}
    assert tuple(rows) == tools.NAMES
    assert rows["git"].tool is None
    assert "2.30.0 is the oldest that works" in rows["git"].problem
    assert rows["podman"].tool is not None
    assert rows["podman"].tool.version == "5.0.0"
    assert rows["buildkitd"].hint == "run: pdbuild engines install"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("v0.34.2", (0, 34, 2)),
        ("buildah version 1.28.2 (image-spec 1.1.0-rc2)", (1, 28, 2)),
        ("1.45-dev", (1, 45)),
        ("go1.26", (1, 26)),
        ("unknown", ()),
    ],
)
def test_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert tools.numbers(text) == numbers
