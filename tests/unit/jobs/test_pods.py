"""What Kubernetes says of a job, in the form that kubectl prints."""

import json
from typing import Any

import pytest

from pdbuild.jobs import pods
from pdbuild.jobs.pods import Found
from pdbuild.jobs.state import State

RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def over(code: int, at: int = 1, reason: str = "Error") -> dict[str, Any]:
    ended = f"2026-01-01T00:00:0{at}Z"
    return {"terminated": {"exitCode": code, "finishedAt": ended, "reason": reason}}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def pod(rank: int, state: dict[str, Any] | None, **about: Any) -> dict[str, Any]:
    index = {"batch.kubernetes.io/job-completion-index": str(rank)}
    status: dict[str, Any] = {"containerStatuses": [{"state": state}]} if state else {}
    return {
        "kind": "Pod",
        "metadata": {"name": f"a-{rank}-x", "annotations": index, **about},
        "spec": {"nodeName": f"n{rank}"},
        "status": status,
    }


def found(
    *items: dict[str, Any], condition: str = "", reason: str = "", message: str = ""
) -> Found:
    conditions = [{"type": "Suspended", "status": "False"}]
    if condition:
        conditions.append({"type": condition, "status": "True", "reason": reason})
        conditions[-1]["message"] = message
    job = {"kind": "Job", "metadata": {"name": "a"}, "status": {"conditions": conditions}}
    return pods.parsed(json.dumps({"kind": "List", "items": [job, *items]}))


def test_a_job_that_nobody_knows_was_deleted() -> None:
    gone = pods.parsed('{"items": []}')
    assert pods.state(gone) == State(word="deleted", ended=True)


def test_it_runs_when_all_of_its_pods_have_begun() -> None:
    assert pods.state(found()) == State(word="pending")
    assert pods.state(found(pod(0, RUNS), pod(1, None))) == State(word="pending")
    assert pods.state(found(pod(0, RUNS), pod(1, over(0)))) == State(word="running")
    assert pods.state(found(), "exceeded quota: small").why == "exceeded quota: small"


def test_ranks_are_in_their_order_and_have_logs_when_they_have_begun() -> None:
    ten, two, one = found(
        pod(10, waits("ContainerCreating")), pod(2, RUNS), pod(1, over(0, reason="Completed"))
    ).pods[::-1]
    assert [p.rank for p in (one, two, ten)] == [1, 2, 10]
    assert [p.began for p in (one, two, ten)] == [True, True, False]
    assert (one.code, two.code, ten.waits) == (0, None, "")


@pytest.mark.parametrize(
    ("reason", "stuck"),
    [("ErrImagePull", False), ("ImagePullBackOff", True), ("CreateContainerConfigError", True)],
)
def test_why_a_rank_waits_is_said_and_whether_it_will_go_on_to(reason: str, stuck: bool) -> None:
    state = pods.state(found(pod(0, RUNS), pod(1, waits(reason, "no such image"))))
    assert state == State(word="pending", why=f"rank 1: {reason}: no such image", stuck=stuck)


def test_a_pod_that_no_node_takes() -> None:
    item = pod(0, None)
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    item["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    ]
    assert pods.state(found(item)) == State(word="pending", why=f"rank 0: {message}")


def test_the_first_rank_that_failed_is_the_reason() -> None:
    told_to_end = pod(0, over(143, 1), deletionTimestamp="2026-01-01T00:00:01Z")
    items = (told_to_end, pod(1, over(7, 3)), pod(2, over(9, 2)), pod(3, over(0)))
    state = pods.state(found(*items, condition="Failed", reason="BackoffLimitExceeded"))
    why = "rank 2 on n2 ended with exit code 9"
    assert state == State(word="failed", ended=True, code=9, why=why)


def test_what_kubernetes_says_of_its_end_is_said() -> None:
    killed = found(pod(0, over(137, reason="OOMKilled")), condition="Failed")
    assert pods.state(killed).why == "rank 0 on n0 ended with exit code 137 (OOMKilled)"


def test_ends_that_are_not_the_programs() -> None:
    late = pods.state(found(pod(0, over(3)), condition="Failed", reason="DeadlineExceeded"))
    assert late == State(word="ended by Kubernetes: its time was over", ended=True)
    policy = found(condition="Failed", reason="PodFailurePolicy", message="evicted by n1")
    assert pods.state(policy) == State(word="ended by Kubernetes: evicted by n1", ended=True)


def test_all_is_well() -> None:
    assert pods.state(found(pod(0, over(0)), condition="Complete")).code == 0
