"""Whether anything in a folder has changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild import looks


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.cc", "below/b.cc", "build/object", "below/build/c.cc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "link").symlink_to("a.cc")
    return tmp_path


def later(path: Path) -> None:
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


CHANGES: dict[str, Callable[[Path], object]] = {
    "time": lambda tree: later(tree / "below/b.cc"),
    "size": lambda tree: (tree / "a.cc").write_text("longer"),
    "mode": lambda tree: (tree / "a.cc").chmod(0o755),
    "new": lambda tree: (tree / "below/new").touch(),
    "renamed": lambda tree: (tree / "a.cc").rename(tree / "z.cc"),
    "gone": lambda tree: (tree / "link").unlink(),
    "a folder of that name deeper": lambda tree: later(tree / "below/build/c.cc"),
}
NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "output": lambda tree: later(tree / "build/object"),
    "editors' files": lambda tree: [
        (tree / name).touch() for name in ("a.cc~", ".a.cc.swp", ".#a")
    ],
    "git's": lambda tree: (tree / ".git").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_seen(tree: Path, change: str) -> None:
    before = looks.source(tree, without=("build",))
    CHANGES[change](tree)
    assert looks.source(tree, without=("build",)) != before


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_is_no_source_is_not(tree: Path, change: str) -> None:
    before = looks.source(tree, without=("build",))
    everything = looks.folder(tree)
    NO_CHANGES[change](tree)
    assert looks.source(tree, without=("build",)) == before
    assert change == "git's" or looks.folder(tree) != everything


def test_files_and_what_is_not_there(tree: Path) -> None:
    before = looks.folder(tree / "a.cc")
    later(tree / "a.cc")
    assert looks.folder(tree / "a.cc") not in ("", before)
    assert looks.folder(tree / "none") == ""
