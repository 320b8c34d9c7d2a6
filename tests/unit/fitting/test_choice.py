"""The variant that fits a machine, and what another would meet there."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emulated
import pytest

from pdbuild.choices import Choices
from pdbuild.errors import PdbuildError, UsageError
from pdbuild.fitting import choice, facts, settle
from pdbuild.fitting.choice import Machine
from pdbuild.fitting.facts import Cuda
from pdbuild.platforms import PLATFORMS
from pdbuild.recipe import load
from pdbuild.recipe.types import Recipe

_RECIPE = """
[project]
name = "thing"
[options]
WIDE = { default = "ON" }
CARD = { default = "OFF" }
[variants]
plain = { default = true }
small = { WIDE = "OFF" }
card = { CARD = "ON" }
card-small = { CARD = "ON", WIDE = "OFF" }
[image]
[verify.cpu]
feature = "avx"
needs = ["avx2", "fma"]
model = "Nehalem"
variants = ["small", "card-small"]
says = "take another"
[verify.cuda]
variants = ["card", "card-small"]
says = "on the CPU"
"""
_WIDE = frozenset(("sse2", "avx", "avx2", "fma"))
_OLD = frozenset(("sse2", "avx"))
_CARD, _NONE = Cuda(name="H900"), Cuda(why="there is no driver")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = tmp_path_factory.mktemp("recipe") / "pdbuild.toml"
    path.write_text(_RECIPE)
    return load.load(path, blocks_dir=path.parent)


def machine(features: frozenset[str] = _WIDE, cuda: Cuda = _NONE) -> Machine:
    return Machine(features=features, cuda=cuda)


@pytest.mark.parametrize(
    ("here", "variant", "why"),
    [
        (machine(), "plain", "this CPU has avx2, fma; no GPU: there is no driver"),
        (machine(_OLD), "small", "this CPU lacks avx2, fma; no GPU: there is no driver"),
        (machine(_WIDE - {"fma"}), "small", "this CPU lacks fma; no GPU: there is no driver"),
        (machine(_WIDE, _CARD), "card", "this CPU has avx2, fma; H900 is there"),
        (machine(_OLD, _CARD), "card-small", "this CPU lacks avx2, fma; H900 is there"),
    ],
)
def test_the_best_that_fits(recipe: Recipe, here: Machine, variant: str, why: str) -> None:
    found = choice.choose(recipe, here)
    assert (found.variant, found.why) == (variant, why)
    assert found.cuda == (variant in ("card", "card-small"))


@pytest.mark.parametrize(
    ("model", "variant", "why"),
    [
        ("Nehalem", "small", "this CPU lacks avx2, fma; no GPU: there is no driver"),
        ("SandyBridge", "small", "this CPU lacks avx2, fma; no GPU: there is no driver"),
        ("Haswell", "plain", "this CPU has avx2, fma; no GPU: there is no driver"),
    ],
)
def test_on_cpus_that_qemu_emulates(
    recipe: Recipe, model: str, variant: str, why: str, tmp_path: Path
) -> None:
    if not shutil.which("qemu-x86_64-static"):
        pytest.skip("NOT RUN: no qemu-user-static")
    features = facts.cpu_features(emulated.cpuinfo(model, tmp_path))
    found = choice.choose(recipe, machine(features))
    assert (found.variant, found.why) == (variant, why)


def test_none_fits(recipe: Recipe) -> None:
    some = {name: recipe.variants[name] for name in ("plain", "card")}
    less = dataclasses.replace(recipe, variants=some)
    with pytest.raises(PdbuildError, match="none fits: this CPU lacks avx2, fma"):
        choice.choose(less, machine(_OLD))


def test_a_recipe_that_says_nothing_of_needs(recipe: Recipe) -> None:
    silent = dataclasses.replace(recipe, verify=None)
    with pytest.raises(UsageError, match="does not say what its variants need"):
        choice.choose(silent, machine())
    assert choice.trouble(silent, "plain", machine(frozenset())) == ""


def test_what_another_would_meet(recipe: Recipe) -> None:
    met = choice.trouble(recipe, "plain", machine(_OLD))
    assert met == "this CPU lacks avx2, fma: it says 'take another'; small fits"
    assert choice.trouble(recipe, "card", machine(_OLD, _CARD)).endswith("card-small fits")
    met = choice.trouble(recipe, "card-small", machine())
    assert met == "no GPU can be used: there is no driver; it says 'on the CPU'"
    for fits in ("small", "plain"):
        assert choice.trouble(recipe, fits, machine()) == ""


Here = Callable[..., None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A machine with these facts, on which the project is."""
    (tmp_path / "pdbuild.toml").write_text(_RECIPE)
    for kind in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.chdir(tmp_path)

    def set_up(
        features: frozenset[str] = _WIDE, cuda: Cuda = _NONE, described: bool = True
    ) -> None:
        monkeypatch.setattr(facts, "here", lambda: features)
        monkeypatch.setattr(settle, "native", lambda: PLATFORMS["linux/amd64"])
        monkeypatch.setattr(facts, "cuda", lambda: cuda)
        monkeypatch.setattr(facts, "described", lambda: described)

    return set_up


_AUTO = Choices(variants=("auto",))


def test_auto_is_said_in_one_line(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    here(_OLD)
    assert settle.settled(_AUTO, ()) == (Choices(variants=("small",)), ())
    line = "variant small: this CPU lacks avx2, fma; no GPU: there is no driver\n"
    assert capsys.readouterr().err == line


def test_a_variant_for_gpus_gets_them(here: Here) -> None:
    here(_WIDE, _CARD)
    assert settle.settled(_AUTO, ()) == (Choices(variants=("card",)), (facts.DEVICE,))
    assert settle.settled(_AUTO, ("/dev/x",))[1] == ("/dev/x",)


def test_a_gpu_that_containers_cannot_be_given(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here(_WIDE, _CARD, described=False)
    assert settle.settled(_AUTO, ())[0].variants == ("plain",)
    assert "H900 is there, but containers cannot be given it" in capsys.readouterr().err
    # Who names devices knows another way.
    assert settle.settled(_AUTO, ("/dev/nvidia0",))[0].variants == ("card",)


def test_a_wrong_choice_is_told(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    here(_OLD)
    assert settle.told(Choices(variants=("plain",)), ())
    assert settle.told(Choices(), ()), "the default one, too"
    assert capsys.readouterr().err.count("variant plain: this CPU lacks avx2, fma") == 2
    assert not settle.told(Choices(variants=("small",)), ())
    assert not settle.told(Choices(variants=("nosuch",)), ()), "which is an error elsewhere"


def test_on_another_architecture_no_variant_needs_any_of_the_features(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here(frozenset())
    monkeypatch.setattr(settle, "native", lambda: PLATFORMS["linux/arm64"])
    assert settle.settled(_AUTO, ())[0].variants == ("plain",)
    assert not settle.told(Choices(variants=("plain",)), ())
    assert "CPU" not in capsys.readouterr().err


def test_a_variant_that_another_platform_lacks_is_not_chosen(recipe: Recipe) -> None:
    wide = dataclasses.replace(recipe.options["WIDE"], platforms=(choice.X86,))
    here = dataclasses.replace(recipe, options=recipe.options | {"WIDE": wide})
    arm = Machine(features=frozenset(), cuda=_CARD, platform="linux/arm64")
    assert choice.choose(here, arm).variant == "card"
    # The smaller one would be a copy of it there, and does not exist.
    less = {name: here.variants[name] for name in ("plain", "small")}
    assert choice.choose(dataclasses.replace(here, variants=less), arm).variant == "plain"


def test_an_image_of_another_platform_is_emulated(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here(_OLD, _CARD)
    arm = dataclasses.replace(_AUTO, platforms=("linux/arm64",))
    assert settle.settled(arm, ())[0].variants == ("plain",)
    assert "no GPU: emulated programs have none" in capsys.readouterr().err


def test_what_does_not_fit_is_told_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`run` asks again, and remembers nothing that would keep it quiet the next time."""
    from pdbuild.api import running
    from pdbuild.api.audience import Audience

    found: Any = type("Found", (), {"image": "image", "looked": "looked"})
    remembered: list[object] = []
    monkeypatch.setattr("pdbuild.current.image", lambda *_, **__: found)
    monkeypatch.setattr("pdbuild.lastrun.recall", lambda *_, **__: None)
    monkeypatch.setattr(running, "_load", lambda *given: remembered.append(given[-1]))
    run = running.Run(program=running.Program(words=("true",)), choices=Choices())
    for unfit in (True, False):
        monkeypatch.setattr(settle, "told", lambda *_, unfit=unfit: unfit)
        running._of_recipe(run, None, Audience())
    assert remembered == [None, "looked"]
