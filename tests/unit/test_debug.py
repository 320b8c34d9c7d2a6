"""The state before a failed step, as targets of a plan."""

from checkout_bits import Checkout

from pdbuild.choices import Choices
from pdbuild.failures import Point
from pdbuild.inner.debug import _Debug
from pdbuild.plan.types import DEBUG


def test_its_image_says_what_it_is(checkout: Checkout) -> None:
    """By that `prune` knows it."""
    checkout.choices = Choices(targets=("binaries-fast",))
    plan = checkout.plan()
    stage = next(stage for stage in plan.stages if stage.name == "build-fast")
    debug = _Debug(plan, Point(stage=stage, index=len(stage.instructions) - 1))
    image, *others = debug.plan.targets
    assert image.tags == ("localhost/squares:debug",)
    assert image.labels == {DEBUG: "binaries-fast"}
    assert others and all(not other.labels and not other.tags for other in others)
