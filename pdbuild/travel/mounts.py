"""Cache mounts into files and back: by a step that has them mounted, as any engine can run it.

Build trees stay: their times are of one checkout's files. What is compiled again is found among
the objects.
"""

import shutil
import tarfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pdbuild.engine.contract import Output
from pdbuild.oci import Layout
from pdbuild.plan.instructions import Arg, Bind, Cache, Copy, Run, Stage
from pdbuild.plan.steps import CCACHE, TREE, strict
from pdbuild.plan.types import Form, Plan, Target
from pdbuild.travel.archive import Mount

OBJECTS, DOWNLOADS = "objects", "downloads"
#: The named context of what is unpacked.
CONTEXT = "travelling"
_PLACE = "/run/travelling"
_NONCE = "PDBUILD_NONCE"

# Not what belongs to a moment: locks, and what was being written.
_EXCLUDED = "--exclude=./tmp --exclude=lock --exclude='*.lock' --exclude='partial/*'"
_FORM = (
    "--sort=name --numeric-owner --format=posix"
    " --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"
)
_PACK = (
    "mkdir /caches; n=0; for folder; do "
    f'tar {_FORM} {_EXCLUDED} -C "$folder" -cf "/caches/$n.tar" .; n=$((n + 1)); done'
)
# What is there stays: it may be newer.
_UNPACK = (
    "n=0; for folder; do "
    f'tar --skip-old-files --numeric-owner -C "$folder" -xf "{_PLACE}/$n.tar"; n=$((n + 1)); done'
)


def found(plan: Plan, parts: Iterable[str]) -> tuple[Mount, ...]:
    """The cache mounts of a plan's stages that travel, when these parts are asked for."""
    every = {
        mount.id: mount
        for stage in plan.stages
        for step in stage.instructions
        if isinstance(step, Run)
        for mount in step.mounts
        if isinstance(mount, Cache) and mount.target != TREE
    }
    kept = [m for _, m in sorted(every.items()) if part_of(m.target) in parts]
    return tuple(Mount(name=f"{n}.tar", id=m.id, target=m.target) for n, m in enumerate(kept))


def part_of(target: str) -> str:
    """Which part of an archive a cache is that is mounted there."""
    return OBJECTS if target == CCACHE else DOWNLOADS


def packing(plan: Plan, mounts: Sequence[Mount]) -> Plan:
    """The plan of a target that yields the mounts as archives; see `unpacked`."""
    pack = _step("travel-out", _PACK, mounts)
    out = Stage(
        name="travel",
        base="scratch",
        comment="The cache mounts alone.",
        instructions=(Copy(stage="travel-out", source="/caches/", target="/"),),
    )
    return _plan(plan, pack, out)


def unpacking(plan: Plan, mounts: Sequence[Mount]) -> Plan:
    """The plan of a target that puts what the context has into the mounts."""
    brought = Bind(stage=CONTEXT, source="/", target=_PLACE)
    return _plan(plan, _step("travel", _UNPACK, mounts, brought))


def unpacked(output: Output, folder: Path) -> None:
    """Write the archives that `packing` yielded into a folder."""
    layout = Layout(output.layout)
    (manifest,) = layout.manifests(layout.describe(output.digest))
    for layer in manifest.layers:
        with tarfile.open(layout.blob(layer.digest)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content:
                    with (folder / Path(member.name).name).open("xb") as file:
                        shutil.copyfileobj(content, file, 1 << 20)


def _step(name: str, script: str, mounts: Sequence[Mount], *more: Bind) -> Stage:
    words = (*strict(script), name, *(mount.target for mount in _apart(mounts)))
    caches = (Cache(id=mount.id, target=mount.target) for mount in _apart(mounts))
    return Stage(
        name=name,
        base="base",
        comment="The cache mounts as they are now.",
        instructions=(
            Arg(name="TARGETARCH"),
            Arg(name="BUILDARCH"),
            Arg(name=_NONCE, default=""),
            Run(argv=words, mounts=(*caches, *more)),
        ),
    )


def _apart(mounts: Sequence[Mount]) -> list[Mount]:
    """The mounts, each at a place of its own."""
    places = [f"/run/caches/{number}" for number in range(len(mounts))]
    return [replace(m, target=place) for m, place in zip(mounts, places, strict=True)]


def _plan(plan: Plan, *stages: Stage) -> Plan:
    target = Target(
        name="travel",
        stage="travel",
        kind="",
        platform=plan.request.machine.name,
        form=Form.ARCHIVE,
        description="",
        args={_NONCE: str(time.time_ns())},  # the mounts decide nothing, for an engine
    )
    return replace(plan, stages=(*plan.stages, *stages), targets=(target,), groups={})
