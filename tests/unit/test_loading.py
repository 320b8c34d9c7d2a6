"""What podman has is read from its own list of images."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild import programs
from pdbuild.container import loading
from pdbuild.container.host import Host

NAME = "localhost/squares:1.0"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(podman="podman", driver="overlay", graph_root=str(tmp_path))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What podman is asked, which knows one image."""
    words: list[tuple[str, ...]] = []

    def run(*argv: str, quick: bool) -> programs.Done:
        words.append(argv)
        return programs.Done(code=0, out="of-podman\n", err="")

    monkeypatch.setattr(programs, "run", run)
    return words


def listed(host: Host, *images: object) -> None:
    file = loading.listing(host)
    file.parent.mkdir()
    file.write_text(json.dumps(images))


def test_an_image_is_found_without_podman(host: Host, asked: list[tuple[str, ...]]) -> None:
    listed(host, {"id": "a", "names": None}, {"id": "b", "names": ["localhost/other", NAME]})
    assert loading._image_id(host, NAME) == "b"
    assert asked == []


@pytest.mark.parametrize(
    "write",
    [
        lambda host: None,
        lambda host: listed(host, {"id": "a", "names": ["localhost/squares:2"]}),
        lambda host: listed(host, "of another form"),
    ],
)
def test_podman_is_asked_for_what_the_list_does_not_tell(
    host: Host, asked: list[tuple[str, ...]], write: Callable[[Host], None]
) -> None:
    write(host)
    assert loading._image_id(host, NAME) == "of-podman"
    assert len(asked) == 1


def test_only_what_has_no_name_is_removed(host: Host, asked: list[tuple[str, ...]]) -> None:
    listed(host, {"id": "a"}, {"id": "b", "names": ["localhost/other"]})
    loading._remove_if_unnamed(host, "b")
    loading._remove_if_unnamed(host, "unknown")
    assert asked == []
    loading._remove_if_unnamed(host, "a")
    assert asked == [("podman", "image", "rm", "a")]
