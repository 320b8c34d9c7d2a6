"""A package that the archive does not have: a failed bake says where the recipe names it."""

import pytest
from checkout_bits import OWN_BLOCK, SHA, Checkout

from pdbuild import broken
from pdbuild.engine.contract import Build, Built
from pdbuild.progress import Failure, View


def fails(checkout: Checkout, *lines: str) -> list[str]:
    """The places that a bake names in which installing packages fails with these lines."""

    def build(build: Build, view: View) -> Built:
        failure = Failure(
            targets=("dev",), stage="toolchain-packages", number=(1, 1),
            instruction="RUN bash /run/hooks/apt-install x", exit_code=100,
            error="exit code: 100", lines=lines,
        )  # fmt: skip
        return Built(outputs=(), unfinished=build.plan.targets, failures=(failure,))

    checkout.engine.build = build  # type: ignore[method-assign]
    with pytest.raises(broken.BuildError) as error:
        checkout.bake()
    return [line for line in str(error.value).splitlines() if "has no package" in line]


def test_the_places_of_a_wrong_package(checkout: Checkout) -> None:
    checkout.edit(
        "pdbuild.toml", '"own"]\n', '"own"]\npackages = [\n    "git",\n    "zlib1g-devv",\n]\n'
    )
    checkout.edit("pdbuild.toml", '["libstdc++6"]', '["libstdc++6", "zlib1g-devv"]')
    block = OWN_BLOCK.format(sha=SHA).replace("[source]", 'apt = ["nowhere:native"]\n[source]')
    checkout.write("toolchain/own.toml", block)
    hints = fails(
        checkout,
        "E: Unable to locate package zlib1g-devv",
        "E: Unable to locate package zlib1g-devv",
        "E: Package 'nowhere' has no installation candidate",
        "E: Unable to locate package what-no-recipe-names",
    )
    root, wrong = checkout.root, "the archive has no package"
    assert hints == [
        f"hint: {root}/pdbuild.toml:10: toolchain.packages: {wrong} zlib1g-devv",
        f"hint: {root}/pdbuild.toml:24: image.packages: {wrong} zlib1g-devv",
        f"hint: {root}/toolchain/own.toml:5: apt: {wrong} nowhere",
    ]


def test_other_failures_have_no_such_hint(checkout: Checkout) -> None:
    checkout.write("code/a.cc", "changed")
    assert fails(checkout, "E: Failed to fetch libstdc++6", "libstdc++6") == []
