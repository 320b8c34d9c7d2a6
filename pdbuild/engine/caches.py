"""Measures and deletes engines' caches, whose files belong to many user ids."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild.engine import place
from pdbuild.errors import EngineError
from pdbuild.programs import Done

_ASIDE = ".removed-"

#: Runs a command as the root of the user's namespace, to whom all of a cache's files belong.
Run = Callable[[Sequence[str]], Done]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One folder. Builds that use it hold `lock`; None says that none can use it any more."""

    path: Path
    lock: Path | None
    run: Run


def find(above: Path, lock: Callable[[Path], Path], run: Run) -> tuple[Cache, ...]:
    """The caches in a folder, also damaged ones; `lock` tells which file builds hold."""
    found = []
    for path in sorted(above.iterdir()):
        aside = path.name.startswith(_ASIDE)  # by a `remove` that was killed
        if path.is_dir() and (aside or not path.name.startswith(".")):
            found.append(Cache(path=path, lock=None if aside else lock(path), run=run))
    return tuple(found)


def size(found: Sequence[Cache]) -> int:
    """The bytes that `remove` would free. Raises EngineError where it would."""
    with _unused(found):
        pass
    return sum(map(_size, found))


def remove(found: Sequence[Cache]) -> int:
    """Delete the caches; the bytes freed.

    Raises EngineError, and deletes nothing, when a build uses one of them or the namespace
    cannot be entered.
    """
    for cache in found:
        _check(cache)
    # Deleting can take minutes, which no build has to wait for: it makes new caches.
    with _unused(found):
        aside = [replace(cache, path=path) for cache in found if (path := _set_aside(cache))]
    return sum(map(_remove, aside))


@contextlib.contextmanager
def _unused(found: Sequence[Cache]) -> Iterator[None]:
    """While no build uses the caches, and none can begin to."""
    with contextlib.ExitStack() as held:
        locked: set[Path] = set()
        for cache in found:
            if cache.lock is None or cache.lock in locked:
                continue
            try:
                descriptor = place.take(cache.lock)
            except FileNotFoundError:  # its folder, which it is in, has just been removed
                continue
            if descriptor is None:
                raise EngineError(f"{cache.path} is in use by a build", hint="wait for its end")
            held.callback(os.close, descriptor)
            locked.add(cache.lock)
        yield


def _set_aside(cache: Cache) -> Path | None:
    """Move a cache to where no build looks; None when it is gone."""
    if cache.lock is None:
        return cache.path
    aside = cache.path.with_name(f"{_ASIDE}{secrets.token_hex(4)}")
    try:
        return cache.path.rename(aside)
    except FileNotFoundError:
        return None


def _check(cache: Cache) -> None:
    done = cache.run(["test", "-d", str(cache.path)])
    if done.code and cache.path.is_dir():
        raise EngineError(f"{cache.path} cannot be deleted:\n{done.err.strip()}")


def _size(cache: Cache) -> int:
    words = ["du", "--summarize", "--block-size=1", "--one-file-system", "--", str(cache.path)]
    done = cache.run(words)
    # It also fails when files vanish under its hands, and has counted the others then.
    count = done.out.partition("\t")[0]
    if not count.isdigit():
        raise EngineError(f"{cache.path} could not be looked through:\n{done.err.strip()}")
    return int(count)


def _remove(cache: Cache) -> int:
    freed = _size(cache)
    done = cache.run(["rm", "-rf", "--one-file-system", "--", str(cache.path)])
    if done.code:
        raise EngineError(f"{cache.path} could not be deleted:\n{done.err.strip()}")
    return freed
