"""What git says of a source tree: its version, revision, date and origin."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError, PdbuildError
from pdbuild.version import LONGEST, Version, globs, in_tag

_TAGGED = re.compile(r"-[0-9]+-g[0-9a-f]+(-dirty)?$")
# Set in git's own hooks; they would point git at that repository, whatever the folder.
_REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Facts about a source tree; `created` is in seconds since 1970, 0 outside git."""

    version: Version
    revision: str
    created: int
    url: str


def describe(tree: Path, version: str, tags: tuple[str, ...]) -> Source:
    """The facts of `tree`; `version` is "git", or a literal that is taken as it is.

    A version from git is the one in the last tag that fits one of `tags`, which are patterns
    as `version.patterns` makes them: `1.2.3`, or `1.2.3-4-gabc1234` four commits later, with
    `-dirty` when tracked files have changed. Without a tag it counts from 0.0.0, and is that
    outside git.

    Raises PdbuildError when there is a repository that git refuses to read, and for a tag
    that is no such version.
    """
    # Beside each other: people wait for them on every edit.
    asked = [
        _start(tree, "log", "-1", "--no-show-signature", "--format=%H %ct"),
        _start(tree, "config", "--get", "remote.origin.url"),
    ]
    if version == "git":
        matches = [f"--match={glob}" for glob in globs(tags)]
        asked.append(_start(tree, "describe", "--tags", "--long", "--always", "--dirty", *matches))
    log, url, *described = [_answer(child) for child in asked]
    if not log:
        _check_readable(tree)
    revision, _, created = log.partition(" ")
    return Source(
        version=Version(_version(tree, described[0], tags) if described else version),
        revision=revision,
        created=int(created or 0),
        url=re.sub(r"//[^@/]*@", "//", url),
    )


def asked(tree: Path) -> programs.Child | None:
    """A git that is asked for the commit of `tree` and its changed files; None without git.

    As long as its answer and the `references` are the same, so are the facts.
    """
    return _start(tree, "status", "--porcelain=v2", "--branch", "--untracked-files=no")


def references(tree: Path) -> tuple[Path, ...]:
    """Where git keeps tags and the address of the origin; none outside git."""
    folder = _git(tree, "rev-parse", "--git-common-dir")
    if not folder:
        return ()
    return tuple(Path(tree, folder, name) for name in ("packed-refs", "refs/tags", "config"))


def _version(tree: Path, described: str, tags: tuple[str, ...]) -> str:
    """The version that `git describe` amounts to, in which TAG-COMMITS-gREVISION may be a bare
    revision, or nothing.
    """
    if not described:
        return "0.0.0"
    if not _TAGGED.search(described):
        return f"0.0.0-{_git(tree, 'rev-list', '--count', 'HEAD')}-g{described}"
    clean = described.removesuffix("-dirty")
    tag, commits, revision = clean.rsplit("-", 2)
    text = in_tag(tag, tags)
    if not text:
        raise PdbuildError(
            f"the tag {tag!r} cannot be a version: that begins with a digit, has letters, digits, "
            f"dots, hyphens, + and ~, and at most {LONGEST} characters",
            hint="tag the commit with one such as v1.2.3, or say in [project] what such tags look "
            'like: tag = "v{version}"',
        )
    later = "" if commits == "0" else f"-{commits}-{revision}"
    return text + later + ("-dirty" if clean != described else "")


def _check_readable(tree: Path) -> None:
    """git finds no commit: fine when there is none, an error when it may not look."""
    run = _run(tree, "rev-parse", "--git-dir")
    if run is not None and run.code and "not a git repository" not in run.err:
        raise PdbuildError(
            f"git cannot read {tree}: {run.err.strip().splitlines()[0]}",
            hint="mend the repository, or set a literal version in the recipe",
        )


def _git(tree: Path, *arguments: str) -> str:
    """What a git command prints, or "" where it fails: no git, no repository, no commit."""
    run = _run(tree, *arguments)
    return run.out.strip() if run is not None and run.code == 0 else ""


def _start(tree: Path, *arguments: str) -> programs.Child | None:
    """The same for one that is not waited for yet; see `_answer`."""
    try:
        return programs.start(
            "git", "-C", tree, *arguments, env=_environment(),
            stdout=programs.PIPE, stderr=programs.NOTHING, quick=True,
        )  # fmt: skip
    except EngineError:
        return None


def _answer(child: programs.Child | None) -> str:
    """What it printed, or "" where it failed."""
    if child is None:
        return ""
    out, _ = child.communicate()
    return out.decode(errors="replace").strip() if child.returncode == 0 else ""


def _run(tree: Path, *arguments: str) -> programs.Done | None:
    try:
        return programs.run("git", "-C", tree, *arguments, env=_environment(), quick=True)
    except EngineError:
        return None


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in _REDIRECTING}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
