"""What `source.describe` says of real git repositories."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild.errors import PdbuildError
from pdbuild.source import Source, describe
from pdbuild.version import Version, patterns

Git = Callable[..., str]
TAGS = patterns("project")


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """git in a fresh repository, whatever the developer's own settings."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A U Thor")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
        monkeypatch.setenv(f"GIT_{role}_DATE", "2024-05-06T07:08:09Z")

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "-q", "-b", "main")
    return run


def commit(git: Git, tree: Path, text: str = "1") -> str:
    (tree / "file").write_text(text)
    git("add", "file")
    git("commit", "-q", "-m", text)
    return git("rev-parse", "--short", "HEAD")


def version(tree: Path) -> str:
    return describe(tree, "git", TAGS).version.text


def test_a_tag(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "v1.2.3")
    git("remote", "add", "origin", "https://somebody:secret@git.example.org/project.git")
    assert describe(tmp_path, "git", TAGS) == Source(
        version=Version("1.2.3"),
        revision=git("rev-parse", "HEAD"),
        created=1714979289,
        url="https://git.example.org/project.git",
    )


def test_commits_after_a_tag(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "-a", "v1.2.3-rc1", "-m", "annotated")
    assert version(tmp_path) == "1.2.3-rc1"
    commit(git, tmp_path, "2")
    revision = commit(git, tmp_path, "3")
    assert version(tmp_path) == f"1.2.3-rc1-2-g{revision}"


def test_changed_files(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "v1.0")
    (tmp_path / "untracked").write_text("x")
    assert version(tmp_path) == "1.0"
    os.utime(tmp_path / "file", (1, 1))  # looked at again, not changed
    assert version(tmp_path) == "1.0"
    (tmp_path / "file").write_text("other")
    assert version(tmp_path) == "1.0-dirty"
    revision = commit(git, tmp_path, "3")
    (tmp_path / "file").unlink()
    assert version(tmp_path) == f"1.0-1-g{revision}-dirty"


def test_no_tag_counts_from_nothing(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "nightly-1")  # not a version's
    revision = commit(git, tmp_path, "2")
    assert version(tmp_path) == f"0.0.0-2-g{revision}"
    (tmp_path / "file").write_text("other")
    assert version(tmp_path) == f"0.0.0-2-g{revision}-dirty"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("v1.0", "1.0"), ("1.0.3", "1.0.3"), ("release-2.1", "2.1"), ("release/v2.1", "2.1"),
        ("project/v1.2", "1.2"), ("project-1.2-rc1", "1.2-rc1"), ("1.0-1", "1.0-1"),
    ],
)  # fmt: skip
def test_tags_of_versions(tag: str, text: str, git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", tag)
    assert version(tmp_path) == text


@pytest.mark.parametrize("tag", ["other/v1.2", "nightly-20240101", "latest", "paddle2-1.0"])
def test_other_tags_are_no_versions(tag: str, git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", tag)
    assert version(tmp_path).startswith("0.0.0-1-g")


def test_what_the_recipe_says_of_tags(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "paddle2@1.0-final")
    git("tag", "v7")
    tags = patterns("project", "paddle2@{version}-final")
    assert describe(tmp_path, "git", tags).version.text == "1.0"
    hook = Path(__file__).parents[2] / "hooks" / "version"
    ran = subprocess.run(
        ["bash", hook, tmp_path, *tags], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "1.0\n"


def test_a_folder_below_the_top(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "v2")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert version(below) == "2"


def test_no_commit_yet(git: Git, tmp_path: Path) -> None:
    assert describe(tmp_path, "git", TAGS) == Source(
        version=Version("0.0.0"), revision="", created=0, url=""
    )


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    nothing = Source(version=Version("0.0.0"), revision="", created=0, url="")
    assert describe(tmp_path, "git", TAGS) == nothing
    monkeypatch.setenv("PATH", str(tmp_path))  # and no git at all
    assert describe(tmp_path, "git", TAGS) == nothing


def test_a_literal_version_is_taken_as_it_is(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("tag", "v9")
    found = describe(tmp_path, "1.2", TAGS)
    assert (found.version.text, found.revision) == ("1.2", git("rev-parse", "HEAD"))


def test_a_repository_that_git_refuses(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(git, tmp_path)
    # git's own switch for this test: every repository is somebody else's.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(PdbuildError, match="dubious ownership") as caught:
        describe(tmp_path, "git", TAGS)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("tag", ["v1_2", "1/2", "v1-", "v1--2", "v1-é", "v1" + "0" * 60])
def test_a_tag_that_cannot_be_a_version(tag: str, git: Git, tmp_path: Path) -> None:
    """Neither Debian nor an image's tag takes it; the build would fail much later."""
    commit(git, tmp_path)
    git("tag", tag)
    with pytest.raises(PdbuildError) as caught:
        describe(tmp_path, "git", TAGS)
    assert repr(tag) in caught.value.message
    assert "v1.2.3" in caught.value.hint
    assert describe(tmp_path, "1.2", TAGS).version.text == "1.2"


def test_the_variables_of_a_git_hook_do_not_mislead(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(git, tmp_path)
    git("tag", "v3")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert version(tmp_path) == "3"


def test_a_signature_is_not_read_as_a_revision(git: Git, tmp_path: Path) -> None:
    commit(git, tmp_path)
    git("config", "log.showSignature", "true")
    assert describe(tmp_path, "git", TAGS).created == 1714979289


def test_the_hook_says_the_same(git: Git, tmp_path: Path) -> None:
    """The development image has no Python of ours: hooks/version is the same rule in shell."""
    hook = Path(__file__).parents[2] / "hooks" / "version"

    def both() -> tuple[str, str]:
        ran = subprocess.run(
            ["bash", str(hook), str(tmp_path), *TAGS], check=True, capture_output=True, text=True
        )
        return ran.stdout.strip(), version(tmp_path)

    for change in (
        lambda: None,
        lambda: commit(git, tmp_path),
        lambda: git("tag", "v1.2-rc1"),
        lambda: commit(git, tmp_path, "2"),
        lambda: (tmp_path / "file").write_text("dirty"),
        lambda: commit(git, tmp_path, "3"),
        lambda: git("tag", "-a", "project/v1.3+b2", "-m", "of one project among several"),
        lambda: commit(git, tmp_path, "4"),
        lambda: git("tag", "other/v9"),  # another project's
        lambda: git("tag", "release-1.4"),
    ):
        change()
        shell, python = both()
        assert shell == python


def test_reading_takes_no_lock(git: Git, tmp_path: Path) -> None:
    """An editor's or another build's git goes on at the same time."""
    commit(git, tmp_path)
    (tmp_path / ".git" / "index.lock").touch()
    os.utime(tmp_path / "file", (1, 1))
    before = (tmp_path / ".git" / "index").read_bytes()
    assert version(tmp_path).startswith("0.0.0-1-g")
    assert (tmp_path / ".git" / "index").read_bytes() == before
