"""lintian, as it is started and ended."""

import os
import time
from pathlib import Path

import pytest

from pdbuild.verify import lint
from pdbuild.verify.lint import Linter


@pytest.fixture
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which is empty."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(folder))
    return folder


def lintian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *then: str) -> None:
    """A lintian that leaves a file where temporary ones go."""
    program = tmp_path / "bin/lintian"
    program.parent.mkdir()
    lines = ("#!/bin/sh", 'touch "$TMPDIR/mldbm-elf-1"', 'echo "W: thing: $TMPDIR"', *then)
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_what_it_leaves_is_removed(
    tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lintian(tmp_path, monkeypatch)
    monkeypatch.setattr(lint, "_name", lambda deb: "thing")
    linter = Linter([tmp_path / "thing.deb"])
    linter.start()
    (line,) = linter.of([tmp_path / "thing.deb"])
    assert line.startswith(f"W: thing: {tmp}/verify/{os.getpid()}-")
    assert len(list(tmp.rglob("mldbm-elf-1"))) == 1
    linter.close()
    assert list((tmp / "verify").iterdir()) == []


def test_it_is_ended_with_what_it_started(
    tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lintian(
        tmp_path,
        monkeypatch,
        'sleep 60 & echo $! > "$0.pid.new"',
        'mv "$0.pid.new" "$0.pid"',
        "wait",
    )
    linter = Linter([tmp_path / "thing.deb"])
    linter.start()
    noted = tmp_path / "bin/lintian.pid"
    end = time.monotonic() + 20
    while not noted.exists() and time.monotonic() < end:
        time.sleep(0.01)
    status = Path(f"/proc/{noted.read_text().strip()}/stat")
    assert _runs(status)
    linter.close()
    assert list((tmp / "verify").iterdir()) == []
    while _runs(status) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _runs(status)


def test_one_that_was_not_started_is_closed(tmp: Path) -> None:
    Linter([]).start()
    Linter([]).close()
    assert list(tmp.iterdir()) == []


def _runs(status: Path) -> bool:
    try:
        return ") Z " not in status.read_text()
    except OSError:
        return False
