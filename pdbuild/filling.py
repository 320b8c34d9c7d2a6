"""Fills the cache mounts of steps that download with what was carried to here."""

import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pdbuild import carried, definition, dirs, leftovers
from pdbuild.engine.contract import Build, Engine
from pdbuild.errors import EngineError
from pdbuild.plan import carrying
from pdbuild.plan.types import Plan
from pdbuild.progress import view


def fill(
    plan: Plan, engine: Engine, contexts: Mapping[str, str], exports: Path, until: ExitStack
) -> None:
    """Have an engine fill the mounts that the plan's steps look into, where all was carried.

    It is held `until` then, for the build that follows.
    Raises EngineError when nothing was carried for this project, or the engine fails.
    """
    archive = carried.here()
    if archive is None or carrying.fetching(plan) is None:
        return
    content = archive.of(plan.project)
    if content is None:
        raise carried.lacking(archive, f"what {plan.project} needs")
    if not content.mounts:
        return
    with tempfile.TemporaryDirectory(dir=dirs.cache_dir(), prefix="carried-") as name:
        folder = Path(name)
        for mount in content.mounts:
            (folder / str(mount.number)).mkdir()
        files = [file for file in content.files if file.place.startswith("mounts/")]
        archive.lend(files, "mounts", folder)
        until.enter_context(engine.held())
        made = carrying.filling(plan, content.mounts)
        with leftovers.alone(exports, made.targets):
            try:
                _run(made, engine, {**contexts, carrying.CONTEXT: name}, exports)
            finally:
                shutil.rmtree(exports / made.targets[0].name, ignore_errors=True)


def _run(plan: Plan, engine: Engine, contexts: Mapping[str, str], exports: Path) -> None:
    written = definition.write(plan, recipe="", contexts=contexts, network={}, ca=None)
    build = Build(plan=plan, definition=written, exports=exports)
    with view("quiet", sys.stderr, targets=[target.name for target in plan.targets]) as shown:
        built = engine.build(build, shown)
    if built.unfinished:
        said = built.error or "\n".join(line for f in built.failures for line in f.lines)
        raise EngineError(f"what was carried here cannot be put in its place: {said}")
