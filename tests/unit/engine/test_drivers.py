"""What a builder's driver can: how results come here, and what is refused."""

import json
from pathlib import Path

import pytest

from pdbuild import docker, tools
from pdbuild.docker import Docker
from pdbuild.engine import drivers
from pdbuild.engine.exporters import Layouts, ThroughDocker
from pdbuild.errors import EngineError

BUILDX = """\
#!/bin/sh
case $* in
*"inspect default"*) echo "Name: default" ;;
*inspect*) echo "ERROR: no builder found" >&2; exit 1 ;;
*) echo '{"Name": "default", "Driver": "docker", "Nodes": []}' ;;
esac
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    program = tmp_path / "buildx"
    program.write_text(BUILDX)
    program.chmod(0o755)
    tool = tools.Tool(name="buildx", path=program, version="0", origin="here")
    monkeypatch.setattr(tools, "require", lambda name, *, reason: tool)
    instances = tmp_path / "config" / "instances"
    instances.mkdir(parents=True)
    for name in ("docker-container", "remote", "kubernetes"):
        (instances / f"my-{name}").write_text(json.dumps({"Name": name, "Driver": name}))
    return {"BUILDX_CONFIG": str(tmp_path / "config"), "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("driver", ["docker-container", "remote", "kubernetes"])
def test_builders_write_layouts_themselves(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    def asked() -> Docker:
        raise AssertionError("it may have no engine at all")

    monkeypatch.setattr(docker, "require", asked)
    assert isinstance(drivers.exporter(f"my-{driver}", environment), Layouts)


def test_dockers_own_goes_through_the_engine_unless_its_images_are_containerds(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "require", lambda: Docker(version="26.1.5+dfsg1"))
    assert isinstance(drivers.exporter("default", environment), ThroughDocker)
    monkeypatch.setattr(docker, "require", lambda: Docker(version="29.0", whole_images=True))
    assert isinstance(drivers.exporter("default", environment), Layouts)


def test_one_too_old_is_refused_with_its_version(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "require", lambda: Docker(version="20.10.24+dfsg1"))
    with pytest.raises(EngineError, match=r"inside Docker 20\.10\.24\+dfsg1 is too old") as error:
        drivers.exporter("default", environment)
    assert "Docker 23 and newer" in error.value.hint


def test_one_that_is_not_there_is_said(environment: dict[str, str]) -> None:
    with pytest.raises(EngineError, match="no builder found"):
        drivers.exporter("nobodys", environment)
