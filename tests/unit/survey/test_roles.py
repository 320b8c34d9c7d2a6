"""What a switch is for is told by its name, and by what the name says when it is on."""

import pytest

from pdbuild.survey import roles
from pdbuild.survey.facts import Choice, Facts


def _facts(*names: str) -> Facts:
    choices = tuple(Choice(name=name, by="cmake", key=name) for name in names)
    return Facts(system="cmake", how="CMake's file API", choices=choices, kernels=True)


@pytest.mark.parametrize("name", ["WITH_CUDA", "USE_GPU", "NODE_CUDA", "notebook-gpu"])
def test_a_gpu_switch(name: str) -> None:
    found = roles.gpu(_facts(name))
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "name",
    ["NO_CUDA", "NO_MULTI_GPU", "DISABLE_GPU", "X_WITHOUT_CUDA", "disable-avx", "NO_TESTS"],
)
def test_what_switches_something_off_is_no_variant(name: str) -> None:
    facts = _facts(name)
    assert (roles.gpu(facts), roles.simd(facts), roles.tests(facts)) == (None, None, None)
    assert [choice.name for choice in roles.others(facts, ())] == [name]


def test_the_others_are_taken_first() -> None:
    found = roles.simd(_facts("NO_AVX", "ENABLE_AVX"))
    assert found is not None and found.name == "ENABLE_AVX"
