"""Which compile cache is used, and what steps are told of it."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pdbuild import compilecache
from pdbuild.compilecache import address
from pdbuild.errors import UsageError


def chosen(
    remote: str = "", *, read_only: bool = False, **environment: str
) -> address.Address | None:
    return compilecache.chosen(remote, read_only=read_only, environment=environment)


def test_the_callers_comes_before_the_recipes() -> None:
    assert chosen() is None
    found = chosen("redis://a")
    assert found and found.host == "a"
    found = chosen("redis://a", PDBUILD_CACHE="redis://b")
    assert found and found.host == "b" and not found.read_only
    found = chosen("redis://a", PDBUILD_CACHE="")
    assert found and found.host == "a"
    assert chosen("redis://a", PDBUILD_CACHE="off") is None


def test_only_reading_holds_for_both() -> None:
    for found in (
        chosen("redis://a", read_only=True),
        chosen("redis://a", read_only=True, PDBUILD_CACHE="redis://b"),
        chosen(PDBUILD_CACHE="redis://b|read-only"),
    ):
        assert found and found.read_only


def test_a_mistake_in_the_environment_shows_no_password() -> None:
    with pytest.raises(UsageError) as raised:
        chosen(PDBUILD_CACHE="https://me:word@cache")
    assert str(raised.value) == "PDBUILD_CACHE=https://cache: ccache speaks no TLS"


def offered(text: str, *, here: bool = True) -> tuple[str, list[str]]:
    said: list[str] = []
    with compilecache.offered(address.parse(text), here=here, say=said.append) as told:
        return told, said


def test_a_server_is_told_as_it_is() -> None:
    assert offered("redis://me:word@cache:7000|read-only") == (
        "# cache 7000 redis://cache:7000\nremote_storage = redis://me:word@cache:7000|read-only\n",
        [],
    )
    with compilecache.offered(None, here=True, say=pytest.fail) as told:
        assert told == ""


def test_a_folder_is_served_and_called_by_its_name(tmp_path: Path) -> None:
    place = tmp_path / "objects"  # it is made
    with compilecache.offered(address.parse(f"file:{place}"), here=True, say=pytest.fail) as told:
        heading, line = told.splitlines()
        _, host, port, name = heading.split(" ", 3)
        assert name == f"file:{place}" and line.startswith("remote_storage = http://pdbuild:")
        assert line.endswith(f"@{host}:{port}")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{host}:{port}/")
        assert refused.value.code == 401
        refused.value.close()
    assert place.is_dir()


def test_a_folder_that_cannot_be_had_is_said_and_the_build_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, tmp_path / "not" / "mounted"):
        told, (said,) = offered(f"file:{place}")
        assert told == "" and said.startswith(f"note: the compile cache file:{place} is not used: ")
    told, (said,) = offered(f"file:{tmp_path}", here=False)
    assert told == "" and "a builder of yours" in said
