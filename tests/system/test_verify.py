"""What the example claims of its images, found on what was really built, and on a planted fault."""

import json
from typing import Any

from .project import Project

VARIANTS = ("cpu", "noavx", "gpu", "gpu-noavx")


def test_all_claims_hold(paddle: Project, baked: dict[str, Any]) -> None:
    judged = json.loads(paddle.succeeds("verify", "--json"))
    assert [one["variant"] for one in judged] == list(VARIANTS)
    assert [one["seconds"] for one in judged] == [0.0] * 4, "the bake has found it already"
    for one in judged:
        kinds = {finding["kind"] for finding in one["findings"]}
        assert kinds == {"closure", "minimal", "hardened", "version", "secrets", "cpu", "cuda"}
        verdicts = {f["claim"]: (f["verdict"], f["evidence"]) for f in one["findings"]}
        wrong = {claim: v for claim, v in verdicts.items() if v[0] != "holds"}
        assert wrong == {}, one["reference"]


def test_an_image_that_is_not_what_it_says(paddle: Project, baked: dict[str, Any]) -> None:
    """The AVX image under the other's name: what differs is found, in the code and on the CPU."""
    text = (paddle.root / "recipes/paddle.toml").read_text()
    claimed = text.replace('variants = ["noavx", "gpu-noavx"]', 'variants = ["cpu"]')
    assert claimed != text
    paddle.written("recipes/paddle.toml", claimed)
    try:
        done = paddle.pdbuild("verify", baked["image-cpu"]["where"])
    finally:
        paddle.written("recipes/paddle.toml", text)
    assert done.returncode == 1, done.stderr
    assert "libpaddle.so.0: the function at 0x" in done.stderr
    assert "this build needs AVX" in done.stderr
