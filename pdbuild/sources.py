"""Fetches the sources of blocks on the host, once each, and checks them.

What is in `cache_dir()/downloads` has been checked: a folder is named by the commit or checksum
that its content has, and put there whole. So the build itself needs no network for it, and
whether a source can be had is known before the plan is made.
"""

import dataclasses
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pdbuild import attempts, carried, programs, reach
from pdbuild.dirs import cache_dir
from pdbuild.errors import EngineError, PdbuildError
from pdbuild.locks import alone
from pdbuild.recipe.types import Block, Recipe, Source

# Asking a host that does not answer takes long: not at each bake. In seconds.
_ASK_AGAIN = 3600
_GIT_TIMEOUT = 600


class _MissingError(Exception):
    """A source cannot be had now; the text says why, `said` is all that was said of it."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.said = said or reason


def missing(
    recipe: Recipe, blocks: Iterable[Block], *, fetch: bool, say: Callable[[str], None]
) -> dict[str, str]:
    """Those of the recipe's optional `blocks` whose source is not at hand, with the reason.

    With `fetch`, sources that are missing are fetched first; `say` gets a line when that is
    tried. Raises PdbuildError when a block that is not optional has no source, and when a
    source is not what the block pins.
    """
    left_out = {}
    for block in blocks:
        if block.source is None or folder(block).is_dir():
            continue
        try:
            if not fetch:
                raise _MissingError("its source has not been fetched")
            _fetch(block, recipe, say)
        except _MissingError as reason:
            if fetch and not block.optional:
                raise EngineError(
                    f"block {block.name} cannot be built: {reason}",
                    hint=f'name a local copy: {block.name} = {{ source = "PATH" }}',
                ) from None
            if block.optional:
                left_out[block.name] = str(reason)
    return left_out


def ask_again(block: Block) -> None:
    """Forget that a source could not be had a moment ago."""
    _failure(folder(block)).unlink(missing_ok=True)


def plain(recipe: Recipe) -> Recipe:
    """The recipe as plain tools can build it: they fetch no source."""
    optional = {b.name: "plain tools do not fetch it" for b in recipe.blocks if b.optional}
    return dataclasses.replace(recipe, left_out=optional)


def folder(block: Block) -> Path:
    """Where the source of a block is when it has been fetched."""
    assert block.source
    return cache_dir() / "downloads" / f"{block.name}-{block.source.commit or block.source.sha256}"


def _fetch(block: Block, recipe: Recipe, say: Callable[[str], None]) -> None:
    assert block.source
    own = recipe.toolchain.parameters.get(block.name, {}).get("source", "")
    place = _local(str(own), recipe) if own else _address(block.source, recipe)
    archive = None if own else carried.here()
    target = folder(block)
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.with_name(f"{target.name}.lock")):
        if target.is_dir():  # by the one that we waited for
            return
        failure = _failure(target)
        if archive:
            _take(archive, block, target)
            return
        _raise_remembered(failure, place)
        say(f"fetching the source of {block.name} from {place}")
        partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
        try:
            _reach(block.name, place)
            (_git if block.source.git else _tarball)(block.source, place, partial)
            (partial / "source").rename(target)
        except _MissingError as reason:
            log = attempts.write_log(recipe, block, f"{reason.said.rstrip()}\n".encode())
            told = attempts.with_log(f"fetching it failed: {reason}", log)
            failure.write_text(f"{place}\n{told}")
            raise _MissingError(told) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        failure.unlink(missing_ok=True)


def _take(archive: carried.Carried, block: Block, target: Path) -> None:
    """Unpack what was carried; `packed` is how it was packed."""
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
    try:
        if not archive.take(f"downloads/{target.name}", partial):
            raise _MissingError(carried.lacking(archive, f"the source of {block.name}").message)
        _unpack(partial / "source.tar", partial / "source")
        (partial / "source").rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def packed(block: Block, to: Path) -> None:
    """Write a block's source as an archive, the same bytes whoever does it."""
    source = folder(block)
    form = ("--sort=name", "--numeric-owner", "--owner=0", "--group=0", "--format=gnu")
    names = sorted(path.name for path in source.iterdir())
    _ran("tar", *form, f"--directory={source}", f"--file={to}", "--create", "--", *names)


def _reach(name: str, place: str) -> None:
    try:
        reach.check(f"the source of {name}", place)
    except EngineError as error:
        raise _MissingError(error.message) from None


def _failure(target: Path) -> Path:
    return target.with_name(f"{target.name}.failed")


def _local(named: str, recipe: Recipe) -> str:
    path = (Path(recipe.file).absolute().parent / named).resolve()
    if not path.exists():
        raise PdbuildError(f"there is no {path}, which the recipe names as a block's source")
    return str(path)


def _address(source: Source, recipe: Recipe) -> str:
    """The address, through the mirror of git's when there is one."""
    if source.git and recipe.mirrors.git:
        return f"{recipe.mirrors.git.rstrip('/')}/{source.git.partition('://')[2]}"
    return source.git or source.url


def _raise_remembered(failure: Path, place: str) -> None:
    try:
        before, _, reason = failure.read_text().partition("\n")
        recent = time.time() - failure.stat().st_mtime < _ASK_AGAIN
    except OSError:
        return
    if before == place and recent:
        raise _MissingError(reason)


def _git(source: Source, place: str, partial: Path) -> None:
    """One commit of a repository, without its history; git itself checks the content."""
    repository = partial / "git"
    git = ("git", "-C", str(repository))
    _ran("git", "init", "--quiet", "--bare", str(repository))
    quick = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30")
    try:
        _ran(*git, *quick, "fetch", "--quiet", "--depth=1", place, source.commit)
    except _MissingError as failure:
        what = f"{place} does not give commit {source.commit[:12]}: {failure}"
        raise _MissingError(what, failure.said) from None
    archive = partial / "archive.tar"
    _ran(*git, "archive", "--format=tar", f"--output={archive}", source.commit)
    _unpack(archive, partial / "source")


def _tarball(source: Source, place: str, partial: Path) -> None:
    # Imported here: it takes longer than all the rest when there is nothing to fetch.
    import urllib.request

    archive = partial / "archive"
    try:
        if place.startswith("/"):
            shutil.copyfile(place, archive)
        else:
            with urllib.request.urlopen(place, timeout=30) as answer, archive.open("wb") as file:
                shutil.copyfileobj(answer, file)
    except OSError as error:
        raise _MissingError(f"{place}: {getattr(error, 'reason', None) or error}") from None
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        raise PdbuildError(
            f"{place} is not what the block pins: its sha256 is {found}, not {source.sha256}",
            hint="do not use it before you know why",
        )
    unpacked = partial / "unpacked"
    _unpack(archive, unpacked)
    entries = list(unpacked.iterdir())
    single = entries[0] if len(entries) == 1 and entries[0].is_dir() else unpacked
    single.rename(partial / "source")


def _unpack(archive: Path, target: Path) -> None:
    target.mkdir()
    # GNU tar refuses paths that climb, and takes no owner from the archive.
    argv = ("tar", f"--directory={target}", "--no-same-owner", f"--file={archive}", "--extract")
    try:
        _ran(*argv)
    except _MissingError as failure:
        raise EngineError(f"cannot unpack {archive.name}: {failure}") from None


def _ran(*argv: str) -> None:
    """Run it without any prompt; raises _MissingError with what was fatal when it fails."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = programs.run(*argv, env=environment, timeout=_GIT_TIMEOUT)
    except EngineError as error:
        raise _MissingError(error.message) from None
    if done.code:
        # What git says after that is advice.
        fatal = (line for line in done.err.splitlines() if line.startswith("fatal: "))
        raise _MissingError(next(fatal, done.said).removeprefix("fatal: "), done.err)
