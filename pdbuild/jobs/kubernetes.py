"""Talks with Kubernetes: by kubectl, which knows the clusters, and who we are there."""

import json
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.jobs import pods
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.pods import Found
from pdbuild.jobs.state import State

_KUBECTL = "install kubectl (Debian's kubernetes-client); --print shows what would be sent"
# Each object that was made, on a line of its own.
_MADE = 'jsonpath={.kind} {.metadata.name} {.metadata.uid} {.metadata.namespace}{"\\n"}'
#: Of all that belongs to a job.
LABEL = "app.kubernetes.io/name"


def context() -> str:
    """The cluster that kubectl talks to, by its name; "" in a cluster, where it has no name.

    Raises EngineError when there is no kubectl.
    """
    done = _asked("config", "current-context")
    return done.out.strip() if done.code == 0 else ""


def create(manifests: Path, where: Sent) -> str:
    """Send the manifests, all or none of them; the namespace that they are in now.

    Raises EngineError with what the cluster said when it refuses one.
    """
    done = _told(where, "create", f"--filename={manifests}", f"--output={_MADE}")
    made = [line.split(" ") for line in done.out.splitlines()]
    if done.code:
        if made:
            names = [f"{kind}/{name}" for kind, name, *_ in made]
            _told(where, "delete", "--wait=false", "--ignore-not-found", *names)
        raise EngineError(_told_off("the cluster refused the job", done.err))
    owner = next(words for words in made if words[0] == "Job")
    for kind, name, *_ in made:
        if kind != "Job":
            _owned(where, f"{kind}/{name}", owner[1], owner[2])
    return owner[3]


def look(sent: Sent) -> Found:
    """A job and its pods as they are now. Raises EngineError with what the cluster said."""
    chosen = f"--selector={LABEL}={sent.number}"
    done = _told(sent, "get", "jobs,pods", chosen, "--output=json")
    if done.code:
        raise EngineError(_told_off(f"{sent.id} cannot be asked for", done.err))
    return pods.parsed(done.out)


def judged(sent: Sent, found: Found) -> State:
    """How a job that was looked at is doing; why it has no pods is asked besides."""
    idle = found.exists and not found.outcome and len(found.pods) < sent.nodes
    return pods.state(found, _warning(sent) if idle else "")


def state(sent: Sent) -> State:
    """How a job is doing. Raises EngineError with what the cluster said."""
    return judged(sent, look(sent))


def cancel(sent: Sent) -> None:
    """Delete a job with all that belongs to it. Raises EngineError with what the cluster said."""
    names = [f"{kind}/{sent.number}" for kind in ("job", "service", "configmap")]
    done = _told(sent, "delete", "--wait=false", "--ignore-not-found", *names)
    if done.code:
        raise EngineError(_told_off(f"{sent.id} cannot be cancelled", done.err))


def command(sent: Sent, *words: str) -> list[str]:
    """A command line of kubectl's, for the cluster where a job is."""
    where = [f"--context={sent.context}"] if sent.context else []
    where += [f"--namespace={sent.namespace}"] if sent.namespace else []
    return ["kubectl", *where, *words]


def _warning(sent: Sent) -> str:
    """The last that Kubernetes warned of, such as a quota that the pods do not fit into.

    Who may send jobs may not be allowed to read this; then it is not known.
    """
    of = f"involvedObject.name={sent.number},type=Warning"
    done = _told(sent, "get", "events", f"--field-selector={of}", "--output=json")
    if done.code:
        return ""
    events = json.loads(done.out)["items"]
    latest = max(events, key=lambda event: event.get("lastTimestamp") or "", default=None)
    return str(latest.get("message", "")) if latest else ""


def _owned(where: Sent, what: str, job: str, uid: str) -> None:
    """Have it go with the job. Where that may not be said, `pdbuild cancel` takes both."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    _told(where, "patch", what, "--type=merge", f"--patch={patch}")


def _told(sent: Sent, *words: str) -> programs.Done:
    return _asked(*command(sent, *words)[1:], "--request-timeout=30s")


def _asked(*words: str) -> programs.Done:
    try:
        return programs.run("kubectl", *words, quick=True)
    except programs.NotInstalled as error:
        raise EngineError(error.message, hint=_KUBECTL) from None


def _told_off(what: str, said: str) -> str:
    """A failure, with the words of the cluster as they are."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    if len(lines) == 1:
        return f"{what}: {lines[0]}"
    return "\n".join((f"{what}:", *(f"  {line}" for line in lines)))
