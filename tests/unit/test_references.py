"""Images by the names that people type."""

import pytest

from pdbuild import references
from pdbuild.errors import UsageError
from pdbuild.store import StoredImage


def stored(reference: str) -> StoredImage:
    return StoredImage(
        reference=reference, digest="", manifest_digest="", config_digest="", platform="",
        created="", labels={}, size=0, unpacked=0,
    )  # fmt: skip


IMAGES = tuple(
    map(
        stored, ("localhost/paddle:0.1", "localhost/paddle:dev", "localhost/x:1", "example.org/x:2")
    )
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("paddle:0.1", ["localhost/paddle:0.1"]),
        ("localhost/paddle:0.1", ["localhost/paddle:0.1"]),
        ("paddle", ["localhost/paddle:0.1", "localhost/paddle:dev"]),
        ("x", ["localhost/x:1"]),
        ("example.org/x", ["example.org/x:2"]),
    ],
)
def test_localhost_is_implied_and_a_name_means_all_of_it(wanted: str, found: list[str]) -> None:
    assert [image.reference for image in references.matching(IMAGES, wanted)] == found


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("paddle:0.2", "near it: paddle:0.1, paddle:dev"),
        ("localhost/padle:dev", "near it: paddle:dev, paddle:0.1"),
        ("zlib/zz:99", "pdbuild images lists those that there are"),
    ],
)
def test_an_unknown_one_names_those_near_it(wanted: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"there is no image {wanted} in the store") as caught:
        references.matching(IMAGES, wanted)
    assert caught.value.hint == hint
