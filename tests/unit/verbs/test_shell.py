"""In which image `shell` opens one: the dev image, one that is named, or that of a variant."""

from pathlib import Path
from typing import Any

import pytest

from pdbuild import current, references
from pdbuild.cli import main
from pdbuild.container import Container, Image, foreign, loading, podman
from pdbuild.fitting import settle
from pdbuild.platforms import PLATFORMS, native
from pdbuild.verbs import shell

_OTHER = "linux/arm64" if native().name != "linux/arm64" else "linux/amd64"
_IMAGE = Image(reference="localhost/x:1", project="x", workdir="/work", is_dev=False)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Container]]:
    """What is started, and by which platform's means."""
    begun: list[tuple[str, Container]] = []

    def emulated(_store: object, container: Container, platform: str) -> int:
        begun.append((platform, container))
        return 5

    def native_one(container: Container) -> int:
        begun.append(("", container))
        return 4

    for kind in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.setattr(foreign, "run", emulated)
    monkeypatch.setattr(podman, "run", native_one)
    monkeypatch.setattr(loading, "load", lambda *_: True)
    monkeypatch.setattr(references, "find", lambda *_: _IMAGE)
    return begun


def test_an_image_of_this_machine(started: list[tuple[str, Container]]) -> None:
    assert main(["shell", "x:1", "env", "-0"]) == 4
    ((platform, container),) = started
    assert (platform, container.image) == ("", "localhost/x:1")
    assert (container.entrypoint, container.argv) == ("env", ("-0",))


def test_an_image_of_another_platform_is_emulated(started: list[tuple[str, Container]]) -> None:
    assert main(["shell", f"--platform={_OTHER}", "x:1"]) == 5
    ((platform, container),) = started
    assert (platform, container.entrypoint) == (_OTHER, "sh")
    assert container.mounts[0].target == "/work"


def test_the_image_of_a_variant(
    started: list[tuple[str, Container]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def image(choices: Any, _building: object, *, platform: str, bake: bool) -> Any:
        asked.append((choices.variants, platform, bake))
        return type("Found", (), {"image": _IMAGE})

    monkeypatch.setattr(current, "image", image)
    monkeypatch.setattr(settle, "told", lambda *_: asked.append("told"))
    assert main(["shell", "--variant=small", "true"]) == 4
    assert main(["shell", "--variant=small", f"--platform={_OTHER}", "true"]) == 5
    assert asked == [(("small",), "", True), "told", (("small",), _OTHER, True), "told"]
    assert [platform for platform, _ in started] == ["", _OTHER]


def test_the_variant_that_fits(
    started: list[tuple[str, Container]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        settle, "settled", lambda choices, _: (choices.__class__(variants=("fits",)), ("x/y=all",))
    )
    monkeypatch.setattr(settle, "told", lambda *_: False)
    monkeypatch.setattr(shell, "_of_variant", lambda c, _b, d: asked.append((c, d)) or _IMAGE)
    assert main(["shell", "--variant=auto", "true"]) == 4
    assert [(c.variants, d) for c, d in asked] == [(("fits",), ("x/y=all",))]
    assert started[0][1].devices == ("x/y=all",)


def test_the_dev_image_is_this_machines(
    started: list[tuple[str, Container]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shell", f"--platform={_OTHER}"]) == 2
    told = capsys.readouterr().err
    assert f"--platform {_OTHER}: the dev image is this machine's" in told
    assert "hint: an image is for it" in told and not started
    assert main(["shell", f"--platform={','.join(PLATFORMS)}", "x:1"]) == 2
    assert "a program runs on one platform" in capsys.readouterr().err
