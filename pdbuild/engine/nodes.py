"""The nodes of a buildx builder of the user's: which of them was lost or did not start, and what to
do."""

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
# buildx's own step, with which it starts a node; and what Kubernetes says of pods.
_STARTING = "booting buildkit"
_WAITING = re.compile(r"expected \d+ replicas to be ready")
_PRIVILEGED = re.compile(r"privileged: Forbidden")


def told(built: Built, builder: str, environment: Mapping[str, str]) -> Built:
    """What was built; that nodes went away, or did not start, stands in the place of what buildx
    made of it.

    Of each node that does not answer, the error has its name and address.
    """
    if unstarted := [f for f in built.failures if f.instruction.startswith(_STARTING)]:
        said = "\n".join(f.error or "\n".join(f.lines) for f in unstarted)
        return replace(built, failures=(), error=_not_started(said, builder))
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
        f"the builder {builder}: {who}\n  | {_line(said)}\n"
        f"hint: docker buildx inspect {builder}; then the same command again: what its nodes "
        "have built stays in their caches"
    )
    return replace(built, failures=(), error=error)


def _not_started(said: str, builder: str) -> str:
    if _WAITING.search(said):
        hint = (
            "kubectl describe replicasets,pods says what they wait for; `docker buildx create "
            "--driver-opt timeout=…` makes a builder that waits longer"
        )
    elif _PRIVILEGED.search(said):
        hint = (
            "this cluster takes no privileged pods: `docker buildx create --driver kubernetes "
            "--driver-opt rootless=true` makes a builder without"
        )
    else:
        hint = f"docker buildx inspect --bootstrap {builder}"
    return f"the builder {builder}: its BuildKit did not start\n  | {_line(said)}\nhint: {hint}"


def _line(said: str) -> str:
    return " ".join(said.split())


def _unanswering(builder: str, environment: Mapping[str, str]) -> list[str]:
    with buildx.client(environment) as client:
        nodes = client.buildx.inspect(builder).nodes or []
    return [f"{n.name} ({n.endpoint})" for n in nodes if n.status != "running"]
