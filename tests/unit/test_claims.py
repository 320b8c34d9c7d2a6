"""Claims are judged when an image is there: once, whatever is baked besides."""

import json
from typing import Any

import pytest
from checkout_bits import Checkout

from pdbuild import baking, cli, project
from pdbuild.choices import Choices, Options
from pdbuild.errors import UsageError
from pdbuild.platforms import native
from pdbuild.report import Report, as_json, as_table
from pdbuild.verify import builder, model
from pdbuild.verify.finding import PAGE, ClaimsError, Verdict
from pdbuild.verify.report import refuse
from pdbuild.verify.subject import Builder

HERE = native().name
OTHER = "linux/arm64" if HERE != "linux/arm64" else "linux/amd64"
SUFFIX = f"-{OTHER.replace('/', '-')}"
BOTH_HERE = ("verify-fast", "verify-portable")


@pytest.fixture
def claiming(checkout: Checkout) -> Checkout:
    """The project with a claim of one kind, which holds."""
    recipe = (checkout.root / "pdbuild.toml").read_text()
    checkout.write("pdbuild.toml", f'{recipe}[verify]\nclaims = ["secrets"]\n')
    checkout.choices = Choices(targets=("verify",))
    return checkout


def baked(checkout: Checkout, **how: Any) -> Report:
    recipe = project.open_recipe(str(checkout.root / "pdbuild.toml"))
    options = Options(progress="quiet")
    return baking.bake_plan(recipe, checkout.plan(), checkout.engine, options, **how)


def rows(report: Report) -> dict[str, bool]:
    return {row.target: row.cached for row in report.rows if row.target.startswith("verify")}


def test_each_image_is_judged_once(claiming: Checkout) -> None:
    first = baked(claiming)
    assert rows(first) == {"verify-fast": False, "verify-portable": False}
    assert "build/verify.html: 4 of 4 claims hold" in as_table(first)
    assert json.loads(as_json(first))["judged"][0]["findings"][0]["kind"] == "secrets"
    assert rows(baked(claiming)) == {"verify-fast": True, "verify-portable": True}
    assert rows(baked(claiming, judge_again=True)) == {
        "verify-fast": False,
        "verify-portable": False,
    }


def test_a_new_image_is_judged_and_the_page_put_back(claiming: Checkout) -> None:
    baked(claiming)
    shown = claiming.root / PAGE
    before = shown.read_text()
    claiming.write("code/a.cc", "changed")
    assert rows(baked(claiming)) == {"verify-fast": False, "verify-portable": False}
    assert shown.read_text() != before, "the images have other digests"
    now = shown.read_text()
    shown.unlink()
    assert rows(baked(claiming)) == {"verify-fast": True, "verify-portable": True}
    assert shown.read_text() == now


def test_what_is_not_asked_for_is_not_judged(claiming: Checkout) -> None:
    claiming.choices = Choices(targets=("images",))
    assert baked(claiming).judged == ()
    claiming.choices = Choices()
    assert len(baked(claiming).judged) == 2, "it is part of everything"


def test_a_claim_that_fails_is_an_error_after_all_is_in_place(
    claiming: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Builder(secrets={"a password": "image-fast.txt"})
    monkeypatch.setattr(builder, "here", lambda *_: secrets)
    report = baked(claiming)
    assert (claiming.root / PAGE).exists()
    fast, portable = report.judged
    assert fast.those(Verdict.FAILS) and not portable.those(Verdict.FAILS)
    with pytest.raises(ClaimsError, match=r"image-fast\.txt: a password"):
        refuse(report.judged)


@pytest.fixture
def several(claiming: Checkout) -> Checkout:
    """The same for two platforms, on one of which a variant does not exist."""
    claiming.edit(
        "pdbuild.toml", 'cmake = "WITH_AVX"', f'cmake = "WITH_AVX", platforms = ["{HERE}"]'
    )
    claiming.choices = Choices(targets=("verify",), platforms=(HERE, OTHER))
    return claiming


def test_the_image_of_each_platform_is_judged(several: Checkout) -> None:
    report = baked(several)
    assert rows(report) == dict.fromkeys((*BOTH_HERE, f"verify-fast{SUFFIX}"), False)
    assert [(one.variant, one.platform) for one in report.judged] == [
        ("fast", HERE), ("portable", HERE), ("fast", OTHER),
    ]  # fmt: skip
    fast, _, other = report.judged
    assert fast.reference == other.reference and fast.digest != other.digest
    page = (several.root / PAGE).read_text()
    assert f">fast ({OTHER})</a>" in page and ">fast</a>" in page
    # What is remembered of one is not taken for the other.
    assert rows(baked(several)) == dict.fromkeys((*BOTH_HERE, f"verify-fast{SUFFIX}"), True)


def test_one_platforms_fault_is_said_of_its_image_alone(
    several: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Builder(secrets={"a password": f"image-fast{SUFFIX}.txt"})
    monkeypatch.setattr(builder, "here", lambda *_: secrets)
    report = baked(several)
    assert [bool(one.those(Verdict.FAILS)) for one in report.judged] == [False, False, True]
    with pytest.raises(ClaimsError, match=rf"error: localhost/squares:1\.0 \({OTHER}\): secrets"):
        refuse(report.judged)


def test_a_platforms_own_target(several: Checkout) -> None:
    several.choices = Choices(targets=(f"verify-fast{SUFFIX}",))
    assert rows(baked(several)) == {f"verify-fast{SUFFIX}": False}
    several.choices = Choices(targets=("verify",))
    assert rows(baked(several)) == dict.fromkeys(BOTH_HERE, False), "of this machine alone"


@pytest.fixture
def command(claiming: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setattr(baking, "engine_for", lambda options: claiming.engine)
    monkeypatch.chdir(claiming.root)
    return claiming


def test_the_command(command: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "portable"]) == 0
    out = capsys.readouterr().out
    assert "localhost/squares:1.0-portable (linux/amd64): 4 of 4 claims hold" in out
    assert "localhost/squares:1.0 " not in out
    assert cli.main(["verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["variant"] for one in told] == ["fast", "portable"]


def test_the_commands_exit_code(
    command: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = Builder(secrets={"a password": "image-fast.txt"})
    monkeypatch.setattr(builder, "here", lambda *_: secrets)
    assert cli.main(["verify"]) == 1
    told = capsys.readouterr()
    assert "FAILS" in told.out and "error: localhost/squares:1.0: secrets: " in told.err
    assert cli.main(["bake", "verify", "--progress=plain"]) == 1
    assert "error: localhost/squares:1.0: secrets: " in capsys.readouterr().err
    assert cli.main(["bake", "images", "--progress=plain"]) == 0


def test_an_image_of_one_platform_by_its_name(
    command: Checkout, several: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    baked(several)
    cli.main(["verify", "squares:1.0", "--json"])
    assert [one["platform"] for one in json.loads(capsys.readouterr().out)] == sorted([HERE, OTHER])
    cli.main(["verify", "squares:1.0", "--json", f"--platform={OTHER}"])
    assert [one["platform"] for one in json.loads(capsys.readouterr().out)] == [OTHER]


def test_an_image_by_its_name(command: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "squares:1.0"]) == 1, "claims of any image are more than these"
    assert "minimal" in capsys.readouterr().out
    assert cli.main(["verify", "squares:7"]) == 2
    assert "there is no image squares:7" in capsys.readouterr().err


def test_a_recipe_that_claims_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout.root)
    assert cli.main(["verify"]) == 2
    assert "pdbuild.toml claims nothing" in capsys.readouterr().err
    assert cli.main(["verify", "nosuch"]) == 2
    assert "no variant 'nosuch'" in capsys.readouterr().err


def test_a_cpu_that_is_none_is_said_before_the_bake(
    claiming: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (claiming.root / "pdbuild.toml").read_text()
    cpu = '[verify.cpu]\nfeature = "avx"\nmodel = "Nehelam"\nvariants = ["portable"]\n'
    claiming.write("pdbuild.toml", f'{recipe}{cpu}run = ["squares"]\n')
    claiming.edit("code/a.cc", "a", "b")
    claiming.engine.asked = set()
    monkeypatch.setattr(model, "_names", lambda: frozenset({"Nehalem"}))
    with pytest.raises(UsageError, match="QEMU knows no CPU 'Nehelam'"):
        baked(claiming)
    assert claiming.engine.asked == set()
