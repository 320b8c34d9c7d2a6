"""Collects what a recipe needs, for where there is no network; see `pdbuild.carried`."""

import contextlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pdbuild import baking, carried, dirs, leftovers, sources
from pdbuild.carried import Carried, Content
from pdbuild.choices import Options
from pdbuild.engine.contract import Build, Engine, Output
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Layout
from pdbuild.plan import carrying
from pdbuild.plan.carrying import Fetching
from pdbuild.plan.types import Plan
from pdbuild.platforms import native
from pdbuild.progress import view
from pdbuild.project import key
from pdbuild.recipe.types import Recipe
from pdbuild.travel import images, parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was collected, and by how many bytes that made the folder or archive larger."""

    content: Content
    new: int


def fetch(
    recipe: Recipe, plan: Plan, options: Options, to: Path, say: Callable[[str], None]
) -> Fetched:
    """Collect what a plan needs; `say` gets a line for each part.

    Raises UsageError where there is no network, an emulator is to build for other machines, or
    nothing can be written to that place, and EngineError for what cannot be had.
    """
    if carried.here():
        raise UsageError("fetch needs a network", hint=f"unset {carried.VARIABLE}")
    _refuse_emulated(plan)
    _refuse_place(to)
    engine = baking.engine_for(options)
    contexts = baking.contexts_of(recipe, plan, bootstrap=True)
    with tempfile.TemporaryDirectory(dir=dirs.cache_dir(), prefix="fetch-") as name:
        folder = Path(name)
        for reference, context in images.collected(recipe, plan, contexts, folder).items():
            say(f"the image {reference}")
            contexts[reference] = context
        paths = parts.bases(contexts.values())
        engines = parts.engines()
        say(f"engines: {'those of pdbuild' if engines else 'none are installed here'}")
        paths |= engines
        for block in plan.sources:
            place = f"downloads/{sources.folder(block).name}/source.tar"
            (folder / place).parent.mkdir(parents=True)
            sources.packed(block, folder / place)
            paths[place] = folder / place
            say(f"the source of {block.name}")
        work = carrying.fetching(plan)
        if work:
            say("Debian packages and wheels")
            with _built(recipe, work, engine, options, contexts) as output:
                paths |= _unpacked(output, work, folder)
        content = Content(
            project=plan.project,
            machine=native().name,
            asked=tuple(target.name for target in plan.targets),
            mounts=work.mounts if work else (),
            files=carried.described(paths),
        )
        say(f"{engine.name}: {len(content.files)} files")
        return Fetched(content=content, new=Carried(to).add(content, paths))


def _refuse_place(to: Path) -> None:
    """Before the work that yields what would be written there."""
    place = next(path for path in (to.absolute(), *to.absolute().parents) if path.exists())
    if not place.is_dir() and (place != to.absolute() or to.suffix != ".tar"):
        raise UsageError(f"{place} is not a folder", hint="--to names a folder, or FILE.tar")
    if not os.access(place, os.W_OK):
        raise UsageError(f"{place} cannot be written to", hint="--to names another place")


def _refuse_emulated(plan: Plan) -> None:
    """Bases, packages and wheels are collected for this machine alone."""
    emulated = dict.fromkeys(target.platform for target in plan.targets if target.emulated)
    if emulated:
        raise UsageError(
            f"what an emulator builds for {', '.join(emulated)} cannot be carried",
            hint="cross-compile: [build] emulate = false; what that takes is carried",
        )


@contextlib.contextmanager
def _built(
    recipe: Recipe, work: Fetching, engine: Engine, options: Options, contexts: dict[str, str]
) -> Iterator[Output]:
    """What the steps collected, which is gone afterwards."""
    plan = work.plan
    exports = dirs.data_dir() / "exports" / f"{key(plan.root)}-travel"
    with leftovers.alone(exports, plan.targets), contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, exports / plan.targets[0].name, ignore_errors=True)
        build = Build(
            plan=plan,
            definition=baking.define(recipe, plan, contexts, held),
            exports=exports,
        )
        with view(options.progress, sys.stderr, targets=[t.name for t in plan.targets]) as shown:
            built = engine.build(build, shown)
        if built.unfinished:
            said = [built.error, *(line for f in built.failures for line in f.lines)]
            raise EngineError("not all could be fetched:\n" + "\n".join(filter(None, said)))
        yield built.outputs[0]


def _unpacked(output: Output, work: Fetching, folder: Path) -> dict[str, Path]:
    """What was collected, as files of a folder, by their places."""
    numbers = dict(work.folders)
    layout = Layout(output.layout)
    (manifest,) = layout.manifests(layout.describe(output.digest))
    found: dict[str, Path] = {}
    for layer in manifest.layers:
        with tarfile.open(layout.blob(layer.digest)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                place = _place(member.name, numbers)
                if content is None or not place:
                    continue
                path = folder / place
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
                found[place] = path
    return found


def _place(name: str, numbers: dict[str, int]) -> str:
    """Where a collected file belongs: `3/apt/archives/x.deb` to a mount of `numbers`, or ""."""
    stage, _, rest = PurePosixPath(name).as_posix().removeprefix("./").partition("/")
    part, _, below = rest.partition("/")
    number = numbers.get(f"{stage}/{part}")
    return f"mounts/{number}/{below}" if number is not None and below else ""
