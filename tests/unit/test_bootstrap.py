"""What is said when mmdebstrap fails."""

import pytest

from pdbuild import bootstrap
from pdbuild.errors import EngineError

EXPIRED = "E: Release file for http://m/dists/sid/InRelease is expired (invalid since 22d)."


@pytest.mark.parametrize(
    ("said", "hint"),
    [(EXPIRED, "the mirror is behind"), ("E: Unable to locate", "check the suite's name")],
)
def test_a_hint_for_each_reason(said: str, hint: str) -> None:
    with pytest.raises(EngineError) as caught:
        bootstrap._run(["sh", "-c", f"echo '{said}'; exit 25"], {"PATH": "/usr/bin:/bin"}, "sid")
    assert caught.value.hint.startswith(hint) and said in caught.value.message
    assert "could not bootstrap sid (exit code 25)" in caught.value.message
