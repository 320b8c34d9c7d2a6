"""References as BuildKit reads them."""

import pytest

from pdbuild.engine.buildah.images import qualified


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
