"""References of images, as BuildKit reads them and as mirrors have them."""

import pytest

from pdbuild.registries import is_local, mirrored, qualified, registry, repository_problem


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("debian:trixie-slim", "docker.io/library/debian:trixie-slim"),
        ("debian", "docker.io/library/debian"),
        ("someone/image:1", "docker.io/someone/image:1"),
        ("localhost/image:1", "localhost/image:1"),
        ("localhost:5000/image", "localhost:5000/image"),
        ("ghcr.io/someone/image@sha256:0", "ghcr.io/someone/image@sha256:0"),
    ],
)
def test_a_short_reference_is_on_dockers_registry(short: str, full: str) -> None:
    assert qualified(short) == full


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        ("debian:trixie-slim", "mirror.example.org:5000/hub/library/debian:trixie-slim"),
        ("someone/image", "mirror.example.org:5000/hub/someone/image"),
        ("ghcr.io/a/b:1@sha256:0", "mirror.example.org:5000/hub/a/b:1@sha256:0"),
        ("localhost:5000/image", "mirror.example.org:5000/hub/image"),
    ],
)
def test_a_mirror_has_what_the_registry_has(reference: str, there: str) -> None:
    assert mirrored(reference, "mirror.example.org:5000/hub") == there
    assert mirrored(reference, "mirror.example.org:5000/hub/") == there


def test_registries() -> None:
    assert registry("debian") == "docker.io"
    assert registry("ghcr.io/a/b") == "ghcr.io"
    assert is_local("localhost") and is_local("localhost:5000") and is_local("127.0.0.1:80")
    assert is_local("[::1]:5000")
    assert not is_local("docker.io") and not is_local("localhost.example.org:5000")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("registry.example.org/team/paddle", ""),
        ("localhost:5000/x", ""),
        ("localhost/x", ""),
        ("[::1]:5000/x__y/z-1", ""),
        ("https://registry.example.org/x", "no scheme"),
        ("team/paddle", "begins with no registry"),
        ("registry.example.org", "behind the registry"),
        ("registry.example.org/", "behind the registry"),
        ("registry.example.org/X", "behind the registry"),
        ("registry.example.org/x:1", "behind the registry"),
        ("registry.example.org:port/x", "not a host"),
    ],
)
def test_repositories(name: str, problem: str) -> None:
    found = repository_problem(name)
    assert problem in found if problem else found == ""
