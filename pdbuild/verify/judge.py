"""Judges images by the claims of a recipe, and remembers what was found of which image.

The claims are judged by pdbuild itself, when an image is in the store, and not by steps of the
graph: a step sees neither the configuration nor the layers of what is exported, could not be
trusted to judge what it is part of, and would have to be root of a namespace that no engine gives
it. Reading needs no rights at all, so it is the same with every engine and for every account.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pdbuild import content, dirs, tools, whole
from pdbuild.errors import EngineError
from pdbuild.recipe import names
from pdbuild.recipe.tables.verify import Verify
from pdbuild.recipe.types import Mirrors, Recipe
from pdbuild.store import Store, StoredImage
from pdbuild.verify import (
    ahead,
    closure,
    cpu,
    cuda,
    hardened,
    memory,
    minimal,
    model,
    secrets,
    versions,
)
from pdbuild.verify import builder as builders
from pdbuild.verify.finding import Finding, Judged, Verdict
from pdbuild.verify.lint import Linter
from pdbuild.verify.machine import Machines, Rootfs, emulators_of
from pdbuild.verify.subject import Builder, Subject

#: Each kind of claim, in the order of reports.
KINDS: dict[str, Callable[[Subject], Iterator[Finding]]] = {
    closure.KIND: closure.check,
    minimal.KIND: minimal.check,
    hardened.KIND: hardened.check,
    versions.KIND: versions.check,
    secrets.KIND: secrets.check,
    cpu.KIND: cpu.check,
    cuda.KIND: cuda.check,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An image to judge: by which claims, and what is known beside it.

    `version` is the source's, or "" where it is not known; `root` is the project's, or None;
    `mirrors` are the recipe's, whose passwords may be in no image; `target` is the plan's.
    """

    image: StoredImage
    project: str
    variant: str
    claims: Verify
    version: str = ""
    budget: int = 0
    debs: tuple[Path, ...] = ()
    root: Path | None = None
    mirrors: Mirrors | None = None
    target: str = ""


def case(
    recipe: Recipe,
    image: StoredImage,
    variant: str,
    *,
    version: str = "",
    debs: Iterable[Path] = (),
    target: str = "",
) -> Case:
    """An image of a recipe's variant."""
    budget = recipe.image.size_budget if recipe.image else ""
    return Case(
        image=image,
        project=recipe.project.name,
        variant=variant,
        claims=recipe.verify or Verify(),
        version=version,
        budget=(names.size(budget) or 0) if budget else 0,
        debs=tuple(debs),
        root=Path(recipe.root),
        mirrors=recipe.mirrors,
        target=target,
    )


def judge(store: Store, cases: Sequence[Case], *, again: bool = False) -> tuple[Judged, ...]:
    """Judge images of the store; those that were judged before are not read, unless `again`.

    Raises UsageError when QEMU does not know the CPU of a claim.
    """
    first = cases[0] if cases else None
    builder = builders.here(first.root, first.mirrors) if first else Builder()
    folder = dirs.cache_dir() / "verified"
    memories = [folder / f"{_key(one, builder)}.json" for one in cases]
    judged = [None if again else _recall(memory) for memory in memories]
    left = [n for n, known in enumerate(judged) if known is None]
    if not left:
        return tuple(known for known in judged if known)
    for number in left:
        model.check(cases[number].claims)
    court = _Court(store, builder, _linters([cases[n] for n in left]))
    with store.reading(), contextlib.closing(court):
        made = court.judge([cases[n] for n in left])
        for number, one in zip(left, made, strict=True):
            _remember(memories[number], one)
            judged[number] = one
    memory.tidy()
    return tuple(known for known in judged if known)


class _Court:
    """What judging several images has in common."""

    def __init__(self, store: Store, builder: Builder, linters: Mapping[str, Linter]) -> None:
        self._layout, self._builder, self._linters = store.layout, builder, linters
        self._machines = Machines()

    def judge(self, cases: Sequence[Case]) -> list[Judged]:
        """Judge images, several at once: much of the time programs of theirs are waited for."""
        from concurrent.futures import ThreadPoolExecutor

        if any(hardened.KIND in one.claims.claims for one in cases):
            for linter in self._linters.values():
                with contextlib.suppress(EngineError):  # it is told where it is asked
                    linter.start()
        subjects = list(map(self._subject, cases))
        ahead.read(subjects)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            most = list(pool.map(_most, subjects))
        # Last what may have to wait for lintian.
        return [_judged(*one) for one in zip(cases, subjects, most, strict=True)]

    def close(self) -> None:
        """End what works beside, and remove what was unpacked."""
        for linter in self._linters.values():
            linter.close()
        self._machines.close()

    def _subject(self, one: Case) -> Subject:
        (manifest,) = self._layout.manifests(self._layout.describe(one.image.manifest_digest))
        config = self._layout.config(manifest)
        files = content.load(self._layout, manifest.layers)
        blobs = (manifest.digest, manifest.config.digest)
        return Subject(
            reference=one.image.reference,
            project=one.project,
            variant=one.variant,
            content=files,
            config=config,
            texts=tuple(self._layout.blob(digest).read_bytes() for digest in blobs),
            claims=one.claims,
            version=one.version,
            budget=one.budget,
            unpacked=one.image.unpacked or 0,
            debs=one.debs,
            builder=self._builder,
            machine=Rootfs(self._machines, files, config, one.root),
            linter=self._linters[one.image.platform],
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Findings by kind, and how long they took."""

    findings: Mapping[str, tuple[Finding, ...]]
    seconds: float


def _asked(subject: Subject) -> tuple[str, ...]:
    return tuple(k for k in KINDS if k in subject.claims.claims or k in (cpu.KIND, cuda.KIND))


def _found(subject: Subject, kinds: Iterable[str]) -> _Part:
    begun = time.monotonic()
    made = {kind: tuple(KINDS[kind](subject)) for kind in kinds}
    return _Part(made, time.monotonic() - begun)


def _most(subject: Subject) -> _Part:
    return _found(subject, (kind for kind in _asked(subject) if kind != hardened.KIND))


def _judged(one: Case, subject: Subject, most: _Part) -> Judged:
    asked = _asked(subject)
    rest = _found(subject, (kind for kind in asked if kind not in most.findings))
    found = {**most.findings, **rest.findings}
    return Judged(
        reference=one.image.reference,
        variant=one.variant,
        platform=one.image.platform,
        digest=one.image.manifest_digest,
        findings=tuple(finding for kind in asked for finding in found[kind]),
        target=one.target,
        seconds=most.seconds + rest.seconds,
    )


def _linters(cases: Sequence[Case]) -> dict[str, Linter]:
    """One of each platform: packages of several have the same name, and lintian says no more."""
    debs: dict[str, list[Path]] = {one.image.platform: [] for one in cases}
    for one in cases:
        debs[one.image.platform] += one.debs
    return {platform: Linter(found) for platform, found in debs.items()}


def _key(one: Case, builder: Builder) -> str:
    """What decides the findings, as a name."""
    claims = one.claims
    lines = [*(claims.cpu.run if claims.cpu else ()), *(claims.cuda.run if claims.cuda else ())]
    words = {word for line in lines for word in line.split()}
    programs = sorted(one.root / w for w in words if one.root and (one.root / w).is_file())
    parts = (
        one.image.reference, one.image.manifest_digest, one.project, one.variant, claims,
        one.version, one.budget, one.target, builder, os.uname().release, memory.pdbuild(),
        [(path.name, _digest(path)) for path in (*one.debs, *programs)],
        [_stamp(name) for name in ("lintian", "unshare", *emulators_of(one.image.platform))],
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()[:32]


def _digest(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _stamp(program: str) -> str:
    found = shutil.which(program, path=tools.search_path())
    return f"{found} {_digest(Path(found))}" if found else ""


def _recall(memory: Path) -> Judged | None:
    try:
        told = json.loads(memory.read_bytes())
        findings = tuple(
            Finding(**one | {"verdict": Verdict(one["verdict"]), "details": tuple(one["details"])})
            for one in told.pop("findings")
        )
        return Judged(**told | {"findings": findings, "seconds": 0.0})
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _remember(memory: Path, made: Judged) -> None:
    with contextlib.suppress(OSError):
        memory.parent.mkdir(exist_ok=True)
        whole.write(memory, json.dumps(asdict(made)))
