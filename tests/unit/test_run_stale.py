"""`pdbuild run` takes an image that is as the source is now; else it bakes it, and says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
from checkout_bits import IMAGES, OWN_BLOCK, SHA, Checkout

from pdbuild import base, cli, current, docker, lastrun, source
from pdbuild.choices import Choices
from pdbuild.container import Container, host, loading, namespaces, podman, unpacked
from pdbuild.container import docker as by_docker
from pdbuild.context import content
from pdbuild.engine import known
from pdbuild.store import Store
from pdbuild.version import patterns

Run = Callable[..., int]
FAST = "localhost/squares:1.0"


@pytest.fixture
def started(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> list[Container]:
    """What would run; the checkout is the working directory and its engine the only one."""
    found: list[Container] = []

    def run(container: Container) -> int:
        found.append(container)
        return 7

    monkeypatch.setattr(podman, "run", run)
    monkeypatch.setattr(base, "find", base.ensure)
    monkeypatch.setattr(loading, "load", lambda *_: False)
    monkeypatch.setattr(host, "take_notices", tuple)
    monkeypatch.setattr(host, "find", lambda: None)
    monkeypatch.setattr(loading, "listing", lambda _: checkout.root.parent / "images.json")
    monkeypatch.setattr(known, "engine", lambda *_, **__: checkout.engine)
    monkeypatch.chdir(checkout.root)
    checkout.engine.asked = set()
    return found


def remembered(checkout: Checkout) -> bool:
    return lastrun.recall(Choices(), "podman") is not None


def run(*words: str) -> int:
    return cli.main(["run", "-q", *words])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert not out
    return err.strip()


def test_one_that_is_up_to_date_runs_at_once(
    checkout: Checkout,
    started: list[Container],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("squares") == 7
    with monkeypatch.context() as none:
        none.delattr(current, "image")  # the second time, no recipe is read
        assert run("squares") == 7
    assert started.pop() == started[-1]
    assert run("squares", "--variant", "portable") == 7
    assert run("--no-bake", "squares") == 7
    assert [c.image for c in started] == [FAST, f"{FAST}-portable", FAST]
    assert checkout.engine.asked == set() and said(capsys) == ""


@pytest.mark.parametrize("runtime", ["docker", "unshare"])
def test_another_is_given_it_each_time_and_does_not_count_for_podman(
    runtime: str, checkout: Checkout, started: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(docker, "require", lambda: docker.Docker(version="26.1"))
    monkeypatch.setattr(by_docker, "load", lambda store, names, platform: loaded.extend(names))
    monkeypatch.setattr(by_docker, "run", podman.run)
    monkeypatch.setattr(namespaces, "require", lambda: None)
    monkeypatch.setattr(unpacked, "load", lambda store, name, platform: loaded.append(name))
    monkeypatch.setattr(namespaces, "run", podman.run)
    assert run("--runtime", runtime, "squares") == 7 and not remembered(checkout)
    with monkeypatch.context() as none:
        none.delattr(current, "image")  # the second time, no recipe is read
        assert run("--runtime", runtime, "squares") == 7
    # podman shows its list of images; what others have may have gone since.
    assert loaded == [FAST, FAST] and [c.image for c in started] == [FAST, FAST]


CHANGES: dict[str, tuple[Callable[[Checkout], object], str]] = {
    "a source": (lambda c: c.edit("code/a.cc", "a", "b"), "the source changed"),
    "a new source": (lambda c: c.write("code/new.cc", ""), "the source changed"),
    "a hook": (lambda c: (c.hooks / "build").write_text("changed"), "the hooks changed"),
    "a block's source": (
        lambda c: (c.own / "tool.c").write_text("x"),
        "the source of a block changed",
    ),
    "the recipe": (
        lambda c: c.edit("pdbuild.toml", '["squares"]', '["squares", "-x"]'),
        "the recipe changed",
    ),
    "a default": (
        lambda c: c.edit("pdbuild.toml", 'TEST = { default = "OFF"', 'TEST = { default = "ON"'),
        "the recipe changed",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_is_out_of_date_is_baked_first(
    change: str, checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    do, why = CHANGES[change]
    assert run("squares") == 7 and remembered(checkout)
    do(checkout)
    assert run("--no-bake", "squares") == 7 and checkout.engine.asked == set()
    told = said(capsys)
    assert told.startswith(f"{FAST} is out of date (") and told.endswith("): running it as it is")
    assert why in told
    assert run("squares") == 7 and checkout.engine.asked == {"image-fast"}
    assert said(capsys) == told.replace("running it as it is", "baking image-fast")
    checkout.engine.asked = set()
    assert run("squares") == 7 and checkout.engine.asked == set()
    assert said(capsys) == "" and len(started) == 4


OTHERS: dict[str, Callable[[Checkout], object]] = {
    "podman's images": lambda c: (c.root.parent / "images.json").write_text("[]"),
    "the store": lambda c: another_bakes(c),
    "a recipe nearer": lambda c: c.write("recipes/other.toml", ""),
    "a block of that name": lambda c: c.write("toolchain/gcc.toml", OWN_BLOCK.format(sha=SHA)),
    "a block's source is gone": lambda c: c.own.rename(c.own.with_name("elsewhere")),
    "another version": lambda c: c.commit(),
    "a tag": lambda c: c.git("tag", "v9.9"),
    ".dockerignore": lambda c: c.write(".dockerignore", "x\n"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_else_may_change_it_is_seen(
    other: str, checkout: Checkout, started: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("squares") == 7 and remembered(checkout)
    OTHERS[other](checkout)
    assert not remembered(checkout)


def test_what_has_just_changed_may_change_again_and_look_the_same(
    checkout: Checkout, started: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "TICK", 2 * 10**9)
    assert run("squares") == 7 and not remembered(checkout)


def test_nobodys_memory_is_trusted_when_it_is_damaged(
    checkout: Checkout, started: list[Container], tmp_path: Path
) -> None:
    assert run("squares") == 7 and remembered(checkout)
    (memory,) = (tmp_path / "cache" / "runs").iterdir()
    for text in ("", "[]", "{}", memory.read_text().replace('"reference"', '"x"')):
        memory.write_text(text)
        assert not remembered(checkout)
    assert run("squares") == 7 and remembered(checkout)


def test_settings_are_part_of_it(
    checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--set", "TEST=ON", "squares") == 7 and checkout.engine.asked == {"image-fast"}
    assert "an option or the version changed" in said(capsys)
    checkout.engine.asked = set()
    assert run("--set", "TEST=ON", "squares") == 7 and checkout.engine.asked == set()
    assert run("squares") == 7 and checkout.engine.asked == {"image-fast"}


def test_one_that_is_not_there(
    checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.edit("pdbuild.toml", '"1.0"', '"1.1"')
    assert run("--no-bake", "squares") == 2 and not started
    assert "error: localhost/squares:1.1 is not there" in said(capsys)
    assert run("squares") == 7 and checkout.engine.asked == {"image-fast"}
    assert said(capsys) == "localhost/squares:1.1 is not there yet: baking image-fast"


def test_one_that_is_not_there_for_a_platform(
    checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--no-bake", "--platform=linux/arm64", "squares") == 2 and not started
    assert f"error: {FAST} is not there for linux/arm64\n" in said(capsys)
    checkout.edit("pdbuild.toml", '"1.0"', '"1.1"')
    assert run("--no-bake", "--platform=linux/arm64", "squares") == 2 and not started
    assert "error: localhost/squares:1.1 is not there\n" in said(capsys)


def another_bakes(checkout: Checkout) -> None:
    """As if another checkout of the same version had been baked since."""
    other = checkout.store().find(f"{FAST}-portable")
    assert other
    Store(checkout.store().path).adopt(checkout.exports("image-portable"), other.digest, FAST)


def test_another_checkouts_of_the_same_version_is_not_taken(
    checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    another_bakes(checkout)
    assert run("--no-bake", "squares") == 7
    assert "was not baked from this checkout: running it as it is" in said(capsys)
    assert run("squares") == 7
    assert said(capsys) == f"{FAST} was not baked from this checkout: baking image-fast"
    assert run("squares") == 7 and said(capsys) == ""


def test_but_of_the_same_commit_it_is(
    checkout: Checkout, started: list[Container], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.edit("pdbuild.toml", '"1.0"', '"git"')
    checkout.commit()
    checkout.git("tag", "v1.0")
    assert checkout.bake() > IMAGES
    checkout.engine.asked = set()
    another_bakes(checkout)
    assert run("squares") == 7 and said(capsys) == ""
    checkout.edit("README", "a", "b")
    assert source.describe(checkout.root, "git", patterns("p")).version.text == "1.0-dirty"
    assert run("squares") == 7 and checkout.engine.asked == {"image-fast"}
