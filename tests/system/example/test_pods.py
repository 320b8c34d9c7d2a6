"""Training in two pods."""

from system.kubernetes.conftest import Cluster, emptied, kubernetes
from system.project import Project

from .test_distributed import PROGRAM, losses

__all__ = ["kubernetes"]


def test_two_pods_train_as_one_process(paddle: Project, version: str, kubernetes: Cluster) -> None:
    alone = losses(paddle.succeeds("run", PROGRAM))
    assert len(alone) == 10
    recipe = paddle.root / "recipes/paddle.toml"
    text = recipe.read_text()
    place = f'\n[submit.kubernetes]\nto = "{kubernetes.registry.address}/team/paddle"\n'
    recipe.write_text(text + place)
    try:
        # By its name: with another recipe the present version is another one.
        words = ("submit", "--to=kubernetes", "--nodes=2", "--insecure", f"paddle:{version}")
        out = paddle.succeeds(*words, PROGRAM, env=kubernetes.given(paddle))
    finally:
        recipe.write_text(text)
        emptied(kubernetes, paddle)  # others find nothing of it there
        (paddle.root / "member.yaml").unlink()
    assert losses(out) == alone
    assert "2 processes" in out
