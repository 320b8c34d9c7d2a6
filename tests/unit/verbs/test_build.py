"""`pdbuild build`: what makes it another build, without an engine."""

import sys
from pathlib import Path

import pytest
from checkout_bits import Checkout

from pdbuild import cli, shipped
from pdbuild.container import Container
from pdbuild.plan.options import choose
from pdbuild.recipe.load import load
from pdbuild.verbs import build


def test_other_hooks_are_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are mounted into the image, whose digest does not tell of them."""
    monkeypatch.setattr(shipped, "hooks_dir", lambda: tmp_path)
    hook = tmp_path / "build"
    hook.write_text("one")
    what, work = ("localhost/x:dev", "sha256:1", "A=ON", "1.0"), build._Work()
    first = build._key(what, work)
    assert build._key(what, work) == first
    hook.write_text("other")
    assert build._key(what, work) != first


@pytest.mark.parametrize("output", ["", "elsewhere"])
def test_what_was_built_is_known_again_wherever_it_is(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "project"
    root.mkdir()
    (root / "pdbuild.toml").write_text('project.name = "x1"\n')
    recipe = load(root / "pdbuild.toml", blocks_dir=shipped.toolchain_dir())
    place = build._Place(recipe, choose(recipe, "", {}), output)
    assert place.build == (tmp_path / output if output else root) / "build"
    assert place.build in place.tree.parents and place.build in place.work.parents
    program = place.build / "default/bin/x1"
    for folder in (program.parent, place.tree, place.work):
        folder.mkdir(parents=True)
    program.write_text("1")
    (place.tree / ".pdbuild-ended").touch()
    named = place.build if output else "build"  # as the hook `develop` says it
    (place.work / "summary").write_text(f"x1 1.0, variant default:\n  {named}/default/\n")
    place.remember(["key"], place.source_look())
    assert f"{named}/default/" in place.unchanged(["key"])
    assert not place.unchanged(["other"])
    program.write_text("22")
    assert not place.unchanged(["key"])
    assert output == "" or not (root / "build").exists()


@pytest.mark.parametrize("number", ["0", "-3", "abc", "1.5", ""])
def test_files_at_once_are_one_or_more(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", f"-j{number}" if number else "--jobs="]) == 2
    error = f"error: argument -j/--jobs: {number}: not a number of files\n"
    assert capsys.readouterr().err.startswith(error)


def test_an_interrupt_is_said_by_the_hook_alone(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def directly(container: Container) -> int:
        print("interrupted: the next build goes on from here", file=sys.stderr)
        raise KeyboardInterrupt

    refreshed: list[object] = []
    monkeypatch.chdir(checkout.root)
    monkeypatch.setattr(build, "_directly", directly)
    dev = checkout.store().find("squares:dev")
    monkeypatch.setattr("pdbuild.inner.inside.ready", lambda *_: dev)
    monkeypatch.setattr("pdbuild.editor.refresh.after_build", lambda *_: refreshed.append(1))
    assert cli.main(["build"]) == 130
    assert capsys.readouterr().err == "interrupted: the next build goes on from here\n"
    assert not refreshed
