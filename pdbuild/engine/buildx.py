"""Commands of buildx about builders, by python-on-whales."""

import contextlib
from collections.abc import Iterator, Mapping

from pdbuild import tools, whales


@contextlib.contextmanager
def client(environment: Mapping[str, str]) -> Iterator[whales.Client]:
    """A client of buildx in this environment. Raises EngineError as `whales.client` does.

    python-on-whales calls it as docker does, which tells it so.
    """
    program = tools.require("buildx", reason="run a bake file").path
    as_plugin = {**environment, "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker"}
    with whales.client(program, env=as_plugin) as one:
        yield one
