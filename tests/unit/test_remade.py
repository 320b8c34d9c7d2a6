"""An application is made again without an engine when only the files that it copies changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from checkout_bits import Checkout, export

from pdbuild import project, recopied
from pdbuild.baking import bake_plan
from pdbuild.choices import Choices, Options
from pdbuild.recopied import Copied

APP = """
[app]
name = "page"
source = "page"
packages = ["tree"]
variants = ["fast"]
"""


@pytest.fixture
def page(checkout: Checkout) -> Checkout:
    """The project with an application, which is baked."""
    checkout.write("page/index.html", "page")
    checkout.write("pdbuild.toml", (checkout.root / "pdbuild.toml").read_text() + APP)
    checkout.choices = Choices(targets=("app-fast", "image-fast"))
    assert checkout.bake() == {"app-fast"}
    return checkout


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[Copied]:
    """What was copied again, as far as the archive's writer is asked."""
    found: list[Copied] = []

    def image(layout: Path, digest: str, copies: Sequence[Copied]) -> str:
        found.extend(copies)
        return export(layout, f"{layout.name} again {len(found)}")

    monkeypatch.setattr(recopied, "image", image)
    return found


def bake(checkout: Checkout, *, again: bool = False) -> dict[str, bool]:
    """Bake; which targets are new."""
    checkout.engine.asked = set()
    recipe = project.open_recipe(str(checkout.root / "pdbuild.toml"))
    options = Options(progress="quiet", again=again)
    report = bake_plan(recipe, checkout.plan(), checkout.engine, options)
    return {row.target: not row.cached for row in report.rows}


def test_an_edited_file_needs_no_engine(page: Checkout, copied: list[Copied]) -> None:
    before = page.store().entry("localhost/page:1.0").digest
    page.write("page/index.html", "a better page")
    page.loaded.clear()
    assert bake(page) == {"image-fast": False, "app-fast": True}
    assert page.engine.asked == set()
    (one,) = copied
    assert one.target == "/page"
    assert [name for name, _ in one.seen.entries] == ["page", "page/index.html"]
    assert page.store().entry("localhost/page:1.0").digest != before
    assert "localhost/page:1.0" in page.loaded
    # It is up to date now.
    assert not any(bake(page).values())
    assert len(copied) == 1


OTHERS: dict[str, Callable[[Checkout], object]] = {
    "a source of the image below": lambda c: c.write("code/a.cc", "changed"),
    "the recipe": lambda c: c.edit("pdbuild.toml", '"tree"', '"rsync"'),
    "a hook": lambda c: (c.hooks / "runtime").write_text("changed"),
    "the base": lambda c: setattr(c, "base", "sha256:" + "c" * 64),
    "what the last bake left": lambda c: (c.exports("app-fast") / "index.json").unlink(),
}


@pytest.mark.parametrize("change", OTHERS)
def test_when_more_has_changed_the_engine_is_asked(
    page: Checkout, copied: list[Copied], change: str
) -> None:
    page.write("page/index.html", "a better page")
    OTHERS[change](page)
    assert bake(page)["app-fast"]
    assert "app-fast" in page.engine.asked and copied == []


def test_the_engine_makes_what_cannot_be_copied(page: Checkout) -> None:
    page.write("page/index.html", "a better page")  # the engine's image has no such layer
    assert bake(page)["app-fast"]
    assert page.engine.asked == {"app-fast"}


def test_again_asks_the_engine(page: Checkout, copied: list[Copied]) -> None:
    page.write("page/index.html", "a better page")
    bake(page, again=True)
    assert page.engine.asked == {"app-fast", "image-fast"} and copied == []
