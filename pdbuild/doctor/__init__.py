"""Finds out what works here by trying: `pdbuild doctor`. Nothing is written, nothing left."""

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pdbuild import account, base, dirs
from pdbuild.container import host
from pdbuild.doctor import disks, emulation, kernel, network, programs
from pdbuild.doctor.finding import Finding, State
from pdbuild.engine import choice
from pdbuild.recipe.types import Recipe
from pdbuild.tools import Listed

__all__ = ["Finding", "State", "examine"]

_GB = 10**9

# What BuildKit appends to the runtime directory, at most.
_LONGEST_SOCKET = len("/bk-123456/buildkit/otel-grpc.sock")


def examine(
    recipe: Recipe | None,
    *,
    bundle: Path | None,
    engines: tuple[str, ...],
    lacking: choice.Lacking,
) -> tuple[Finding, ...]:
    """All findings, in the order in which they are read; takes two or three seconds.

    `recipe` says what is downloaded, `bundle` is the CA bundle that steps are given. `engines`
    are the names of engines, the preferred one first, `lacking` says what each misses here.
    """
    with _left_as_it_was(), ThreadPoolExecutor(max_workers=16) as pool:
        mine = account.attempt()
        cache, data, runtime = dirs.cache_path(), dirs.data_path(), dirs.runtime_path()
        listed = pool.submit(programs.listing)
        there = _has_base(recipe)
        sources = network.sources(recipe)
        probes: list[Callable[[], Finding]] = [
            lambda: kernel.user_namespaces(mine),
            kernel.subordinate_ids,
            kernel.id_mappers,
            lambda: kernel.overlay(cache, mine),
            kernel.fuse,
            kernel.cgroups,
            *(partial(emulation.platform, name) for name in emulation.foreign(recipe)),
            *((emulation.cpu,) if emulation.claims_cpu(recipe) else ()),
            lambda: disks.state("cache", "PDBUILD_CACHE_DIR", disks.look(cache), least=20 * _GB),
            lambda: disks.state("data", "PDBUILD_DATA_DIR", disks.look(data), least=5 * _GB),
            lambda: disks.runtime(runtime, _LONGEST_SOCKET),
            lambda: network.proxies(os.environ),
            lambda: network.certificates(bundle),
            *(_reached(source, bundle, needed=not there) for source in sources),
            *(_engine_programs(name, listed, mine) for name in engines),
            lambda: programs.bootstrap(listed.result()["mmdebstrap"], there=there),
            lambda: programs.git(listed.result()["git"]),
            lambda: programs.runner(mine, lambda: host.attempt(one_id=mine.one_id)),
            lambda: programs.engine(mine, engines, lacking),
        ]
        return tuple(future.result() for future in [pool.submit(probe) for probe in probes])


def _reached(source: network.Source, bundle: Path | None, *, needed: bool) -> Callable[[], Finding]:
    # The archive makes the base, and a registry has it. The rest is cached when it was used.
    needed = needed and source.what in ("archive", "registry")
    return lambda: network.reach(source, bundle, needed=needed)


def _engine_programs(
    name: str, listed: "Future[dict[str, Listed]]", mine: account.Account
) -> Callable[[], Finding]:
    return lambda: programs.engine_programs(name, listed.result(), mine)


def _has_base(recipe: Recipe | None) -> bool:
    if recipe is None:
        return False
    return recipe.base.bootstrap and base.find(recipe.base.suite, base.architecture()) is not None


@contextlib.contextmanager
def _left_as_it_was() -> Iterator[None]:
    """What is looked at makes its directory when there is none: remove those, empty as they are."""
    made: list[Path] = []
    for path in (dirs.cache_path(), dirs.data_path(), dirs.runtime_path()):
        while not path.exists():
            made.append(path)
            path = path.parent
    yield
    for path in sorted(set(made), key=lambda p: len(p.parts), reverse=True):
        for below in sorted(path.rglob("*"), reverse=True) if path.is_dir() else ():
            with contextlib.suppress(OSError):
                below.rmdir()
        with contextlib.suppress(OSError):
            path.rmdir()
