"""Finds out what works here by trying: `pdbuild doctor`. Nothing is written, nothing left."""

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from pdbuild import account, base, carried, dirs, ground
from pdbuild.container import host, storage
from pdbuild.doctor import accelerators, disks, emulation, kernel, network, programs, session
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
    with _left_as_it_was(dirs.node_local):
        told = ground.settle()
        states = (dirs.cache_path, dirs.data_path, dirs.runtime_path)
        with _left_as_it_was(*states), ThreadPoolExecutor(max_workers=16) as pool:
            return (*disks.environment(told), *_findings(recipe, bundle, engines, lacking, pool))


def _findings(
    recipe: Recipe | None,
    bundle: Path | None,
    engines: tuple[str, ...],
    lacking: choice.Lacking,
    pool: ThreadPoolExecutor,
) -> tuple[Finding, ...]:
    mine = account.attempt()
    builds = dirs.chosen_local("builds").path.parent
    listed = pool.submit(programs.listing)
    archive = carried.here()
    there = archive is not None or _has_base(recipe)
    sources = () if archive else network.sources(recipe)
    probes: list[Callable[[], Finding]] = [
        lambda: kernel.user_namespaces(mine),
        kernel.subordinate_ids,
        kernel.id_mappers,
        lambda: kernel.overlay(builds, mine),
        kernel.fuse,
        kernel.cgroups,
        *(partial(emulation.platform, name) for name in emulation.foreign(recipe)),
        *((emulation.cpu,) if emulation.claims_cpu(recipe) else ()),
        *_places(),
        session.limits,
        *(partial(_same, found) for found in accelerators.described()),
        lambda: network.proxies(os.environ),
        lambda: network.certificates(bundle),
        *(_reached(source, bundle, needed=not there) for source in sources),
        *((partial(network.offline, archive, _project(recipe)),) if archive else ()),
        *(_engine_programs(name, listed, mine) for name in engines),
        lambda: programs.bootstrap(listed.result()["mmdebstrap"], there=there),
        lambda: programs.git(listed.result()["git"]),
        lambda: programs.runner(mine, lambda: host.attempt(one_id=mine.one_id)),
        lambda: programs.engine(mine, engines, lacking),
    ]
    return tuple(future.result() for future in [pool.submit(probe) for probe in probes])


def _places() -> Iterator[Callable[[], Finding]]:
    """All places of state. Builds are with the cache, unless that is on a disk that is none."""
    cache, builds = dirs.chosen_cache(), dirs.chosen_local("builds")
    apart = not builds.path.is_relative_to(cache.path)
    yield partial(_disk, "cache", cache, 1 if apart else 20)
    if apart:
        yield partial(_disk, "builds", replace(builds, path=builds.path.parent), 20)
    yield partial(_disk, "data", dirs.chosen_data(), 5)
    yield partial(disks.runtime, dirs.chosen_runtime(), _LONGEST_SOCKET)
    yield disks.temporary
    if found := storage.place():
        yield partial(disks.images, *found)


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


def _project(recipe: Recipe | None) -> str:
    return recipe.project.name if recipe else ""


def _same(found: Finding) -> Finding:
    return found


def _disk(name: str, chosen: dirs.Chosen, gigabytes: int) -> Finding:
    return disks.state(name, chosen, disks.look(chosen.path), least=gigabytes * _GB)


@contextlib.contextmanager
def _left_as_it_was(*places: Callable[[], Path]) -> Iterator[None]:
    """What is looked at makes its directory when there is none: remove those, empty as they are."""
    made: list[Path] = []
    for path in (find() for find in places):
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
