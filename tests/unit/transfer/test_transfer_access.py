"""How a registry may be talked to: which files skopeo is pointed to."""

import json
import os
from pathlib import Path

import pytest
from logins import home, written

from pdbuild.choices import Access
from pdbuild.errors import UsageError
from pdbuild.transfer.access import opened

__all__ = ["home"]  # a fixture

HOST = "registry.example.org:5000"


def given(host: str = HOST) -> object:
    """The credentials that skopeo is given; None where it finds them itself."""
    ours = Path(os.environ["PDBUILD_RUNTIME_DIR"])
    with opened(host, Access()) as way:
        for word in way.words("dest"):
            name, _, file = word.partition("=")
            if name == "--dest-authfile":
                private = Path(file).stat().st_mode & 0o777 == 0o600
                assert private or not Path(file).is_relative_to(ours)
                return json.loads(Path(file).read_text())
    return None


def test_a_file_that_is_named_is_left_to_skopeo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/a/file")
    assert given() is None


def test_insecure_is_for_the_side_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/a/file")
    with opened(HOST, Access(insecure=True)) as way:
        assert way.words("src") == ("--src-tls-verify=false",)
        assert way.words("dest") == ("--dest-tls-verify=false",)
        assert way.words() == ("--tls-verify=false",)


def test_an_own_authority(home: Path) -> None:
    (home / "mine.pem").write_text("certificate")
    with opened(HOST, Access(ca=home / "mine.pem")) as way:
        (word,) = (w for w in way.words() if w.startswith("--cert-dir="))
        folder = Path(word.removeprefix("--cert-dir="))
        assert [f.name for f in folder.iterdir()] == ["ca.crt"]
        assert (folder / "ca.crt").read_text() == "certificate"
    assert not folder.exists()
    with pytest.raises(UsageError, match="no such file"), opened(HOST, Access(ca=home / "no")):
        pass


def test_a_helper_of_dockers_for_all_registries(home: Path) -> None:
    written(home / ".docker/config.json", {"credsStore": "pass"})
    assert given() == {"credHelpers": {HOST: "pass"}}


def test_podmans_files_come_first(home: Path) -> None:
    written(home / ".docker/config.json", {"credsStore": "pass"})
    podmans = {"auths": {f"{HOST}/team": {"auth": "eA=="}}}
    written(home / ".config/containers/auth.json", podmans)
    assert given() == podmans
    assert given("another.example.org") == {"credHelpers": {"another.example.org": "pass"}}


def test_another_folder_of_dockers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"auths": {HOST: {"auth": "eA=="}, "https://index.docker.io/v1/": {"auth": "eQ=="}}}
    written(home / ".docker/config.json", content)
    assert given() == {"auths": {HOST: {"auth": "eA=="}}}
    written(home / "elsewhere/config.json", content)
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "elsewhere"))
    assert given() == {"auths": {HOST: {"auth": "eA=="}}}
    assert given("docker.io") == {"auths": {"docker.io": {"auth": "eQ=="}}}


def test_what_cannot_be_read_says_nothing(home: Path) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text("[1")
    # An empty file all the same: skopeo looks in none that is another's.
    assert given() == {}
