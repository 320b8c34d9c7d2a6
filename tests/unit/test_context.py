"""What a build sees of a context: ignored files, digests, and filtered copies."""

import os
from pathlib import Path

import pytest

from pdbuild.context import content, ignore

EVERYTHING = ignore.parse("")


@pytest.mark.parametrize(
    ("patterns", "ignored", "kept"),
    [
        ("build", ["build", "build/x/y"], ["a/build", "builder"]),
        ("/build/", ["build/x"], ["a/build"]),
        ("**/__pycache__", ["__pycache__", "a/b/__pycache__/c"], ["pycache"]),
        ("*.o", ["a.o"], ["b/a.o", "a.oo"]),
        ("**/*.o", ["a.o", "b/c/a.o"], ["a.c"]),
        ("a/*/c", ["a/b/c", "a/b/c/d"], ["a/c", "a/b/d/c"]),
        ("docs/**", ["docs/a", "docs/a/b"], ["doc"]),
        ("?.txt", ["a.txt"], ["ab.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("*\n!keep", ["a", "b/keep"], ["keep", "keep/inside"]),
        ("a\n!a/b\na/b/c", ["a/x", "a/b/c"], ["a/b", "a/b/d"]),
        ("# nothing\n\n  \n", [], ["a", "# nothing"]),
        ("\\!odd", ["!odd"], ["odd"]),
        ("a.b+c", ["a.b+c"], ["aXb+c", "a.bbc"]),
    ],
)
def test_patterns(patterns: str, ignored: list[str], kept: list[str]) -> None:
    rules = ignore.parse(patterns)
    assert [path for path in ignored if not rules(path)] == []
    assert [path for path in kept if rules(path)] == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src/deep").mkdir(parents=True)
    (root / "src/a.c").write_text("a")
    (root / "src/deep/b.o").write_text("b")
    (root / "src/link").symlink_to("a.c")
    return root


def digest(root: Path, part: str = "src", rules: ignore.Ignored = EVERYTHING) -> str:
    return content.digest(content.listing(root, part, rules))


def test_a_digest_changes_with_content_names_and_modes_alone(tree: Path) -> None:
    before = digest(tree)
    os.utime(tree / "src/a.c", (1, 1))
    (tree / "elsewhere").write_text("x")
    assert digest(tree) == before
    seen = {before}
    for change in (
        lambda: (tree / "src/a.c").write_text("A"),
        lambda: (tree / "src/a.c").chmod(0o755),
        lambda: (tree / "src/a.c").rename(tree / "src/c.c"),
        lambda: (tree / "src/empty").mkdir(),
        lambda: (tree / "src/link").unlink(),
        lambda: (tree / "src/link").symlink_to("c.c"),
        lambda: (tree / "src/deep/b.o").unlink(),
    ):
        change()
        assert digest(tree) not in seen
        seen.add(digest(tree))


def test_what_is_ignored_does_not_count_and_is_noticed(tree: Path) -> None:
    rules = ignore.parse("**/*.o")
    seen = content.listing(tree, "src", rules)
    assert seen.filtered and "src/deep/b.o" not in dict(seen.entries)
    before = digest(tree, rules=rules)
    (tree / "src/deep/b.o").write_text("changed")
    assert digest(tree, rules=rules) == before
    assert not content.listing(tree, "src/deep", EVERYTHING).filtered
    assert not content.listing(tree, "missing", EVERYTHING).entries


def test_a_pattern_that_brings_back_brings_back_its_folders(tree: Path) -> None:
    seen = content.listing(tree, "", ignore.parse("*\n!src/deep/b.o"))
    assert [name for name, _ in seen.entries] == ["", "src", "src/deep", "src/deep/b.o"]


def test_a_copy_has_the_same_times_modes_and_links(tree: Path, tmp_path: Path) -> None:
    os.utime(tree / "src/a.c", ns=(1, 1_234_567_890_123_456_789))
    os.utime(tree / "src/deep", ns=(1, 987_654_321_987_654_321))
    (tree / "src/deep").chmod(0o750)
    content.copy(content.listing(tree, "src", ignore.parse("**/*.o")), tmp_path / "copy")
    made = tmp_path / "copy/src"
    assert sorted(path.name for path in made.rglob("*")) == ["a.c", "deep", "link"]
    assert (made / "a.c").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert (made / "a.c").samefile(tree / "src/a.c")
    assert (made / "deep").stat().st_mtime_ns == 987_654_321_987_654_321
    assert (made / "deep").stat().st_mode & 0o7777 == 0o750
    assert (made / "link").readlink() == Path("a.c")


def test_a_copy_without_links_has_files_of_its_own_once(tmp_path: Path) -> None:
    source, copied = tmp_path / "source", tmp_path / "copy/a"
    source.mkdir()
    (source / "a").write_text("1")
    content.copy(content.listing(source, "/", ignore.parse("")), tmp_path / "copy", links=False)
    assert copied.read_text() == "1" and not copied.samefile(source / "a")
    assert copied.stat().st_mtime_ns == (source / "a").stat().st_mtime_ns
    # A part that overlaps: a file that is read-only could not be written again.
    copied.write_text("copied")
    content.copy(content.listing(source, "/a", ignore.parse("")), tmp_path / "copy", links=False)
    assert copied.read_text() == "copied"
