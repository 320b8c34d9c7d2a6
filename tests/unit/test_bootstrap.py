"""What is said when mmdebstrap fails, or need not be asked."""

import os
from pathlib import Path

import pytest

from pdbuild import account, base, bootstrap, platforms
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


def test_a_base_that_cannot_be_made_here_is_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(p for p in platforms.PLATFORMS.values() if p.name != platforms.native().name)
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(account, "find", lambda: account.Account(rung=account.Rung.B, why=""))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    said: list[str] = []
    with pytest.raises(EngineError, match="takes an account with a range of user ids"):
        base.ensure("trixie", other.architecture, mirror="", say=said.append)
    assert not said
