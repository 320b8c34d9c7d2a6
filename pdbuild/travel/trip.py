"""Export and import: what a recipe's bakes keep, out of this account and into another."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import baking, dirs, leftovers, optional, sharing
from pdbuild.choices import Options
from pdbuild.engine import layers
from pdbuild.engine.contract import Build, Built, Engine
from pdbuild.engine.layers import Layers
from pdbuild.errors import EngineError, UsageError
from pdbuild.plan.types import Plan
from pdbuild.platforms import native
from pdbuild.progress import view
from pdbuild.project import key
from pdbuild.recipe.types import Recipe
from pdbuild.travel import archive, mounts, parts
from pdbuild.travel.archive import Content

#: What an archive can have.
PARTS = (mounts.OBJECTS, mounts.DOWNLOADS, parts.LAYERS, parts.BASES, parts.ENGINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """What goes: of a recipe's plan, which `wanted` parts; `say` gets a line for each."""

    recipe: Recipe
    plan: Plan
    options: Options
    wanted: tuple[str, ...] = PARTS
    say: Callable[[str], None] = lambda line: None


def export(trip: Trip, out: Path) -> Content:
    """Write the archive; what it has. The plan's targets have been baked before, or are now.

    Raises UsageError and EngineError; nothing is left of the archive then.
    """
    engine = baking.engine_for(trip.options)
    with tempfile.TemporaryDirectory(dir=dirs.cache_dir(), prefix="travel-") as name:
        folder = Path(name)
        kept = mounts.found(trip.plan, trip.wanted)
        content = Content(
            project=trip.plan.project,
            machine=native().name,
            engine=engine.name,
            parts=trip.wanted,
            mounts=kept,
        )
        files: dict[str, Path] = {}
        if parts.LAYERS in trip.wanted:
            trip.say("layers: those of all steps")
            _keep_layers(trip, engine, Layers(folder=folder / "layers"))
            files |= parts.of_layers(folder / "layers")
        if kept:
            trip.say(f"cache mounts: {len(kept)}")
            with _built(trip, engine, mounts.packing(trip.plan, kept)) as built:
                (folder / "mounts").mkdir()
                mounts.unpacked(built.outputs[0], folder / "mounts")
            files |= {f"mounts/{m.name}": folder / "mounts" / m.name for m in kept}
        if parts.BASES in trip.wanted:
            files |= parts.bases(_contexts(trip, trip.plan).values())
        if parts.ENGINES in trip.wanted:
            files |= parts.engines()
        archive.write(out, content, files)
        return content


def bring(trip: Trip, path: Path) -> Content:
    """Take in an archive; what it had. Raises UsageError and EngineError."""
    with tempfile.TemporaryDirectory(dir=dirs.cache_dir(), prefix="travel-") as name:
        folder = Path(name)
        with archive.reading(path) as (content, unpack):
            if content.machine != native().name:
                raise UsageError(f"{path} is of {content.machine}; this machine is {native().name}")
            unpack(folder)
        for part in parts.put(folder, content.project):
            trip.say(f"{part}: put in their place")
        if content.mounts:
            engine = baking.engine_for(trip.options)
            trip.say(f"cache mounts: {len(content.mounts)}")
            plan = mounts.unpacking(trip.plan, content.mounts)
            context = {mounts.CONTEXT: str(folder / "mounts")}
            with _built(trip, engine, plan, context):
                pass
        return content


def keep(recipe: Recipe, plan: Plan, engine: Engine, options: Options) -> None:
    """Keep the layers of what was baked where `options` say. Raises EngineError."""
    trip = Trip(recipe=recipe, plan=plan, options=options)
    _keep_layers(trip, engine, layers.parse(options.layers_to))


def _keep_layers(trip: Trip, engine: Engine, where: Layers) -> None:
    """Have an engine keep the layers of the plan's targets for others."""
    plan = optional.with_outcomes(trip.plan)
    with contextlib.ExitStack() as held:
        build = Build(
            plan=plan,
            definition=baking.define(trip.recipe, plan, _contexts(trip, plan), held),
            exports=_exports(plan),
            layers=sharing.layers_of(plan, trip.options),
        )
        with view("quiet", sys.stderr, targets=[t.name for t in plan.targets]) as shown:
            engine.keep(build, shown, where)


@contextlib.contextmanager
def _built(
    trip: Trip, engine: Engine, plan: Plan, more: dict[str, str] | None = None
) -> Iterator[Built]:
    """What a plan of ours yields, which is gone afterwards."""
    exports = _exports(plan)
    with leftovers.alone(exports, plan.targets), contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, exports / plan.targets[0].name, ignore_errors=True)
        contexts = _contexts(trip, plan) | (more or {})
        build = Build(
            plan=plan,
            definition=baking.define(trip.recipe, plan, contexts, held),
            exports=exports,
            # Buildah would make anew what was just brought, and then nothing fits on it.
            layers=sharing.layers_of(plan, trip.options),
        )
        with view("quiet", sys.stderr, targets=[t.name for t in plan.targets]) as shown:
            built = engine.build(build, shown)
        if built.unfinished:
            said = built.error or "\n".join(line for f in built.failures for line in f.lines)
            raise EngineError(f"the cache mounts cannot be moved: {said}")
        yield built


def _contexts(trip: Trip, plan: Plan) -> dict[str, str]:
    return baking.contexts_of(trip.recipe, plan, bootstrap=True)


def _exports(plan: Plan) -> Path:
    return dirs.data_dir() / "exports" / f"{key(plan.root)}-travel"


def parts_of(words: Sequence[str]) -> tuple[str, ...]:
    """The parts that these words name; all of them when there is none. Raises UsageError."""
    for word in words:
        if word not in PARTS:
            raise UsageError(f"{word!r} is no part of an archive", hint=", ".join(PARTS))
    return tuple(part for part in PARTS if part in words) or PARTS
