"""The driver of a buildx builder of the user's, and what it can."""

import json
from collections.abc import Mapping
from pathlib import Path

from pdbuild import docker
from pdbuild.engine import buildx, exporters
from pdbuild.errors import EngineError

# The first Docker Engine whose own BuildKit knows named contexts, which the definition has.
_NAMED_CONTEXTS = (23,)


def exporter(builder: str, environment: Mapping[str, str]) -> exporters.Exporter:
    """How the results of a builder come here, by its driver.

    Raises EngineError when there is no such builder, or it cannot build the definition.
    """
    if _driver(builder, environment) != "docker":
        return exporters.Layouts()
    engine = docker.require()
    if engine.numbers < _NAMED_CONTEXTS:
        raise EngineError(
            f"--builder {builder}: the BuildKit inside Docker {engine.version} is too old: it "
            "knows no named contexts",
            hint=f"Docker {_NAMED_CONTEXTS[0]} and newer do, and so does a builder of `docker "
            "buildx create --driver docker-container`; without --builder pdbuild uses its own",
        )
    return exporters.Layouts() if engine.whole_images else exporters.ThroughDocker(engine)


def _driver(builder: str, environment: Mapping[str, str]) -> str:
    """The driver's name: buildx has written it down, but for Docker's own."""
    config = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    folder = environment.get("BUILDX_CONFIG") or config / "buildx"
    try:
        return str(json.loads(Path(folder, "instances", builder).read_bytes())["Driver"])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    with buildx.client(environment) as client:
        return client.buildx.inspect(builder).driver or ""
