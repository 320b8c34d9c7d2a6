"""What is said of a bake whose builder lost a node; the nodes are asked for real elsewhere."""

import pytest

from pdbuild.engine import nodes
from pdbuild.engine.contract import Built
from pdbuild.errors import EngineError
from pdbuild.plan.types import Target
from pdbuild.progress.failure import Failure

LEFT = (Target(name="binaries-cpu", stage="binaries-cpu", kind="binaries", description=""),)
BROKEN = "target a: failed to receive status: rpc error: code = Unavailable desc = EOF"


def test_those_that_do_not_answer_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_unanswering", lambda *_: ["two (tcp://b:1)"])
    error = nodes.told(Built(outputs=(), unfinished=LEFT, error=BROKEN), "farm", {}).error
    assert error.startswith("the builder farm: two (tcp://b:1) does not answer\n  | target a: ")
    assert "hint: docker buildx inspect farm" in error


def test_a_node_that_is_back_already(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> list[str]:
        raise EngineError("no buildx")

    for answer in (lambda *_: [], fails):
        monkeypatch.setattr(nodes, "_unanswering", answer)
        error = nodes.told(Built(outputs=(), unfinished=LEFT, error=BROKEN), "farm", {}).error
        assert error.startswith("the builder farm: the connection to a node broke\n")


def test_another_failure_is_left_as_it_is() -> None:
    built = Built(outputs=(), unfinished=LEFT, error="buildx failed (1)")
    assert nodes.told(built, "farm", {}) is built
    assert nodes.told(done := Built(outputs=(), error=BROKEN), "farm", {}) is done


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("expected 1 replicas to be ready, got 0", "kubectl describe"),
        (
            "containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy",
            "rootless=true",
        ),
        ("no such image", "docker buildx inspect --bootstrap farm"),
    ],
)
def test_a_node_that_does_not_start(said: str, hint: str) -> None:
    failure = Failure(
        targets=(),
        stage="",
        number=None,
        instruction="booting buildkit",
        exit_code=None,
        error=said,
        lines=(),
    )
    built = nodes.told(Built(outputs=(), unfinished=LEFT, failures=(failure,)), "farm", {})
    told = "the builder farm: its BuildKit did not start"
    assert built.error.startswith(f"{told}\n  | {said}\nhint: ") and hint in built.error
    assert not built.failures
