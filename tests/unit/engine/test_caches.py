"""Caches go whole or not at all, and out of the way of builds first."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdbuild import dirs, programs
from pdbuild.engine import caches, place, roots
from pdbuild.errors import EngineError


def plainly(words: Sequence[str]) -> programs.Done:
    """Here all files belong to us, so no namespace is needed."""
    return programs.run(*words, quick=True)


def cache(folder: Path) -> caches.Cache:
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_bytes(os.urandom(100_000))
    return caches.Cache(path=folder, lock=folder.with_suffix(".lock"), run=plainly)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_what_is_removed_was_measured(tmp_path: Path) -> None:
    both = cache(tmp_path / "a"), cache(tmp_path / "b")
    would = caches.size(both)
    assert would > 200_000
    assert names(tmp_path) == ["a", "b"]
    assert caches.remove(both) == would
    assert names(tmp_path) == []
    assert caches.remove(()) == 0


def test_a_build_keeps_all_of_them(tmp_path: Path) -> None:
    both = cache(tmp_path / "a"), cache(tmp_path / "b")
    build = place.take(tmp_path / "b.lock")
    assert build is not None
    for asked in (caches.remove, caches.size):
        with pytest.raises(EngineError, match="/b is in use by a build") as refused:
            asked(both)
        assert refused.value.hint
    assert names(tmp_path) == ["a", "b"]
    os.close(build)
    assert caches.remove(both)


def test_two_caches_can_have_one_lock(tmp_path: Path) -> None:
    one, other = cache(tmp_path / "x.one"), cache(tmp_path / "x.other")
    assert one.lock == other.lock
    assert caches.remove((one, other))
    assert names(tmp_path) == []


def test_builds_need_not_wait_for_the_deleting(tmp_path: Path) -> None:
    """While it is deleted, neither its place nor its lock is taken."""
    seen = []

    def run(words: Sequence[str]) -> programs.Done:
        seen.append(words[0])
        build = place.take(tmp_path / "a.lock")
        assert build is not None
        os.close(build)
        assert (tmp_path / "a").exists() == (seen == ["test"])
        return plainly(words)

    made = cache(tmp_path / "a")
    assert caches.remove([caches.Cache(path=made.path, lock=made.lock, run=run)]) > 100_000
    assert seen == ["test", "du", "rm"]


def test_nothing_is_touched_where_no_namespace_can_be_entered(tmp_path: Path) -> None:
    def run(words: Sequence[str]) -> programs.Done:
        return programs.Done(code=1, out="", err="not allowed\n")

    made = cache(tmp_path / "a")
    with pytest.raises(EngineError, match="/a cannot be deleted:\nnot allowed"):
        caches.remove([made, caches.Cache(path=made.path, lock=made.lock, run=run)])
    assert names(tmp_path) == ["a"]


def test_one_that_is_gone_already_is_no_error(tmp_path: Path) -> None:
    made = cache(tmp_path / "a")
    inside = caches.Cache(path=tmp_path / "b", lock=tmp_path / "b" / "lock", run=plainly)
    assert caches.remove((inside, made)) > 100_000


def test_what_a_killed_removal_left_is_found_again(tmp_path: Path) -> None:
    cache(tmp_path / ".removed-0123")
    cache(tmp_path / ".partial-0123")  # somebody makes it at this moment
    cache(tmp_path / "0.34-native")
    (tmp_path / "0.34.log").touch()
    found = caches.find(tmp_path, lambda path: path / "lock", plainly)
    assert [(c.path.name, c.lock and c.lock.name) for c in found] == [
        (".removed-0123", None),
        ("0.34-native", "lock"),
    ]
    caches.remove(found)
    assert names(tmp_path) == [".partial-0123"]


def test_what_cannot_be_read_or_deleted_is_named(tmp_path: Path) -> None:
    def run(words: Sequence[str]) -> programs.Done:
        if words[0] == broken:
            return programs.Done(code=1, out="", err="not allowed\n")
        return plainly(words)

    for broken, said in (("du", "looked through"), ("rm", "deleted")):
        made = cache(tmp_path / broken)
        with pytest.raises(EngineError, match=rf"removed-\w+ could not be {said}:\nnot allowed"):
            caches.remove([caches.Cache(path=made.path, lock=made.lock, run=run)])


def test_roots_of_one_buildkit_version_share_its_daemons_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dirs, "local_dir", lambda name: tmp_path / name)
    there = ("0.34-native", "0.34-overlayfs.broken-1", "0.34.trial", "0.9-native")
    for name in there:
        (tmp_path / "buildkit" / name).mkdir(parents=True)
    found = roots.find()
    assert tuple(root.path.name for root in found) == there
    assert [root.lock.name for root in found if root.lock] == ["0.34.lock"] * 3 + ["0.9.lock"]
