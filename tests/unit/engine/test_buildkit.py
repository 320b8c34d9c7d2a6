"""The buildx builder for a daemon: made once, by python-on-whales."""

import json
import os
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.engine import buildkit
from pdbuild.errors import EngineError

BUILDX = """\
#!/bin/sh
echo "$DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND $*" >>"$BUILDX_CONFIG/asked"
[ -z "$REFUSED" ] || { echo "ERROR: no such driver" >&2; exit 1; }
case $* in
*create*) echo it ;;
*) echo '{"Name": "it", "Driver": "remote", "Nodes": []}' ;;
esac
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    program = tmp_path / "buildx"
    program.write_text(BUILDX)
    program.chmod(0o755)
    tool = tools.Tool(name="buildx", path=program, version="0", origin="here")
    monkeypatch.setattr(tools, "require", lambda name, *, reason: tool)
    (tmp_path / "config").mkdir()
    return {"BUILDX_CONFIG": str(tmp_path / "config"), "PATH": os.environ["PATH"]}


def test_a_builder_is_made_as_a_plugin_of_docker_and_nothing_else_is(
    environment: dict[str, str],
) -> None:
    before = dict(environment)
    name = buildkit._registered("unix:///x.sock", environment)
    asked = Path(before["BUILDX_CONFIG"], "asked").read_text().splitlines()
    assert asked[0].startswith("docker buildx create ")
    assert f"--name {name}" in asked[0] and asked[0].endswith("unix:///x.sock")
    # buildx's own commands, such as bake, would fail in it.
    assert environment == before


def test_one_that_is_there_is_not_made_again(environment: dict[str, str]) -> None:
    instances = Path(environment["BUILDX_CONFIG"], "instances")
    instances.mkdir()
    name = buildkit._registered("unix:///x.sock", environment)
    (instances / name).write_text(json.dumps({"Nodes": [{"Endpoint": "unix:///x.sock"}]}))
    asked = Path(environment["BUILDX_CONFIG"], "asked")
    asked.unlink()
    assert buildkit._registered("unix:///x.sock", environment) == name and not asked.exists()


def test_a_refusal_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(EngineError, match="buildx: ERROR: no such driver"):
        buildkit._registered("unix:///x.sock", environment | {"REFUSED": "1"})
