"""The nodes of a buildx builder of the user's: which of them was lost, and what to do."""

import re
from collections.abc import Mapping
from dataclasses import replace

from pdbuild.engine import buildx
from pdbuild.engine.contract import Built
from pdbuild.errors import EngineError

# gRPC's and buildx's words for a connection that broke, or that nobody takes.
_BROKEN = re.compile(
    r"code = Unavailable|error reading from server|failed to receive status"
    r"|waiting for connection|error while dialing"
)


def told(built: Built, builder: str, environment: Mapping[str, str]) -> Built:
    """What was built; that nodes went away stands in the place of what buildx made of it.

    Of each node that does not answer, the error has its name and address.
    """
    texts = [f"{failure.instruction}: {failure.error}" for failure in built.failures]
    said = "; ".join(texts) or built.error
    if not built.unfinished or not _BROKEN.search(said):
        return built
    try:
        gone = _unanswering(builder, environment)
    except EngineError:  # which would hide the first reason
        gone = []
    verb = "do" if len(gone) > 1 else "does"
    who = f"{', '.join(gone)} {verb} not answer" if gone else "the connection to a node broke"
    error = (
        f"the builder {builder}: {who}\n  | {' '.join(said.split())}\n"
        f"hint: docker buildx inspect {builder}; then the same command again: what its nodes "
        "have built stays in their caches"
    )
    return replace(built, failures=(), error=error)


def _unanswering(builder: str, environment: Mapping[str, str]) -> list[str]:
    with buildx.client(environment) as client:
        nodes = client.buildx.inspect(builder).nodes or []
    return [f"{n.name} ({n.endpoint})" for n in nodes if n.status != "running"]
