"""Files that appear whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from pdbuild import whole


def test_what_is_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    whole.write(path, "one")
    with path.open() as reader:
        whole.write(path, "twö".encode())
        assert reader.read() == "one"  # who has it open keeps the old one
    assert path.read_text() == "twö"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_nobody_elses_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    fdopen = os.fdopen

    def seen(handle: int, how: str) -> object:
        modes.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return fdopen(handle, how)

    monkeypatch.setattr(os, "fdopen", seen)
    whole.write(tmp_path / "a", "secret", 0o600)
    assert modes == [0o600] == [stat.S_IMODE((tmp_path / "a").stat().st_mode)]


def test_what_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole.replacing(path) as new:
        new.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        whole.write(tmp_path / "folder", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "folder"]
