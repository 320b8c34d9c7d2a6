"""What Kubernetes says of a job and its pods, as values. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pdbuild.jobs.state import State

_RANK = "batch.kubernetes.io/job-completion-index"

# Of a container that waits: it waits for somebody to mend something. (`ErrImagePull` turns into
# `ImagePullBackOff` when it was tried more than once.)
_STUCK = frozenset(
    {
        "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull",
        "ImagePullBackOff", "InvalidImageName", "RunContainerError",
    }
)  # fmt: skip
_NO_NEWS = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One rank. `waits` is why it does not run, or "", `stuck` whether that will stay so.

    `began` says that its container has a log; `code` is None until that has ended, at `ended`.
    A pod that is `leaving` was told to end.
    """

    name: str
    rank: int
    node: str = ""
    began: bool = False
    waits: str = ""
    stuck: bool = False
    code: int | None = None
    reason: str = ""
    ended: str = ""
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A job as it is now, by rank; `exists` is false when nobody knows it any more.

    `outcome` is the condition that has ended it, "Complete" or "Failed", or ""; `reason` and
    `message` are Kubernetes' for that.
    """

    exists: bool
    outcome: str = ""
    reason: str = ""
    message: str = ""
    pods: tuple[Pod, ...] = ()


def parsed(text: str) -> Found:
    """The list that `kubectl get job,pods --output=json` prints, of one job."""
    items: list[dict[str, Any]] = json.loads(text)["items"]
    pods = sorted(map(_pod, _of("Pod", items)), key=lambda pod: (pod.rank, pod.name))
    for job in _of("Job", items):
        for condition in job.get("status", {}).get("conditions", ()):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return Found(
                    exists=True,
                    outcome=condition["type"],
                    reason=condition.get("reason", ""),
                    message=condition.get("message", ""),
                    pods=tuple(pods),
                )
        return Found(exists=True, pods=tuple(pods))
    return Found(exists=False)


def state(found: Found, warning: str = "") -> State:
    """How a job is doing; `warning` is the last that Kubernetes said of it."""
    if not found.exists:
        return State(word="deleted", ended=True)
    if found.outcome == "Complete":
        return State(word="done", ended=True, code=0)
    if found.outcome:
        return _failed(found)
    waiting = next((pod for pod in found.pods if pod.waits), None)
    if waiting:
        why = f"rank {waiting.rank}: {waiting.waits}"
        return State(word="pending", why=why, stuck=waiting.stuck)
    if found.pods and all(pod.began for pod in found.pods):
        return State(word="running")
    return State(word="pending", why=warning)


def _failed(found: Found) -> State:
    if found.reason == "DeadlineExceeded":
        return State(word="ended by Kubernetes: its time was over", ended=True)
    # The first that failed; the others were told to end then.
    failed = [pod for pod in found.pods if pod.code]
    first = min(failed, key=lambda pod: (pod.leaving, pod.ended, pod.rank), default=None)
    if first is None:
        return State(word=f"ended by Kubernetes: {found.message or found.reason}", ended=True)
    where = f" on {first.node}" if first.node else ""
    why = f"rank {first.rank}{where} ended with exit code {first.code}"
    if first.reason not in ("", "Error"):
        why += f" ({first.reason})"
    return State(word="failed", ended=True, code=first.code, why=why)


def _of(kind: str, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (item for item in items if item.get("kind") == kind)


def _pod(item: dict[str, Any]) -> Pod:
    about, status = item["metadata"], item.get("status", {})
    annotations: dict[str, str] = about.get("annotations", {})
    containers = status.get("containerStatuses") or [{}]
    now: dict[str, Any] = containers[0].get("state", {})
    over: dict[str, Any] = now.get("terminated") or {}
    waits, stuck = _waits(status, now.get("waiting") or {})
    return Pod(
        name=about["name"],
        rank=int(annotations.get(_RANK, "0")),
        node=item.get("spec", {}).get("nodeName", ""),
        began="running" in now or bool(over),
        waits="" if over else waits,
        stuck=stuck,
        code=over.get("exitCode"),
        reason=over.get("reason", ""),
        ended=over.get("finishedAt") or "",
        leaving="deletionTimestamp" in about,
    )


def _waits(status: dict[str, Any], waiting: dict[str, Any]) -> tuple[str, bool]:
    """Why a pod waits, in Kubernetes' words, and whether it will go on to."""
    reason = waiting.get("reason", "")
    if reason not in _NO_NEWS:
        message = waiting.get("message", "")
        return (f"{reason}: {message}" if message else reason), reason in _STUCK
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("message") or condition.get("reason", ""), False
    return "", False
