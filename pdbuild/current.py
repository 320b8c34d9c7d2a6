"""The production image of a variant as the recipe and the source are now: found, or baked."""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild import base, lastrun, pinned, shipped, source, sources
from pdbuild.baking import Show, bake_plan, contexts_of, engine_for, state_of
from pdbuild.choices import Choices, Options
from pdbuild.container import Image
from pdbuild.errors import UsageError
from pdbuild.lastrun import Looked
from pdbuild.plan.types import Plan
from pdbuild.platforms import native
from pdbuild.project import is_committed, open_recipe, plan_for
from pdbuild.recipe import remembered
from pdbuild.recipe.types import App, Recipe
from pdbuild.store import Store, StoredImage
from pdbuild.uptodate import State

# The parts of what decides an image, as people call them.
_PARTS = {
    "definition": "the recipe",
    "arguments": "an option or the version",
    "source": "the source",
    "copied": "its files",
    "hooks": "the hooks",
    "blocks": "the source of a block",
    "base": "the base",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The image, and what was looked at to see that it is up to date; None when it may not be."""

    image: Image
    looked: Looked | None


def image(
    choices: Choices,
    building: Options,
    *,
    platform: str,
    bake: bool,
    kind: str = "image",
    show: Show | None = None,
) -> Found:
    """The image of the variant that `choices` name, or of the default one; of the `kind` "app",
    the application's.

    One that the store lacks, or that is out of date, is baked first; unless `bake`, it is taken
    as it is. Either is said. `show` as `bake_plan` has it. Raises UsageError for a variant or
    recipe that has no image.
    """
    since = time.time_ns()
    recipe = open_recipe(choices.recipe)
    variants = choices.variants or (recipe.default_variant,)
    table = recipe.app if kind == "app" else recipe.image
    if table is None:
        raise UsageError(f"{recipe.file} has no [{kind}]", hint="add one to run programs in it")
    if len(variants) > 1:
        raise UsageError(f"--variant {','.join(variants)}: a program runs in one image")
    platform = platform or native().name
    choices = replace(choices, targets=(f"{kind}-{variants[0]}",), platforms=(platform,))
    if kind == "app" and bake and (problem := pinned.stale(recipe)):
        print(f"{problem}: locking them", file=sys.stderr)
        pinned.make(recipe)
    plan = plan_for(recipe, choices, fetch=False)
    target = plan.targets[0]
    reference = target.tags[0]
    store = Store.own()
    stored = store.find(reference, platform)
    state = state_of(plan, contexts_of(recipe, plan, bootstrap=False)) if stored else None
    absent = f"is not there for {platform}" if store.find(reference) else "is not there"
    stale = _stale(recipe, plan, state, stored) if stored and state else f"{absent} yet"
    if stale and bake:
        print(f"{reference} {stale}: baking {target.name}", file=sys.stderr)
        plan = plan_for(recipe, choices)
        bake_plan(recipe, plan, engine_for(building), building, show=show)
    elif not stored:
        raise UsageError(f"{reference} {absent}", hint="without --no-bake it is baked first")
    elif stale:
        print(f"{reference} {stale}: running it as it is", file=sys.stderr)
    found = Image(
        reference=reference,
        project=table.name if isinstance(table, App) else recipe.project.name,
        workdir=table.folder if isinstance(table, App) else table.workdir,
        is_dev=False,
    )
    certain = not stale and stored and state and state.baked(target) in _digests(stored)
    return Found(image=found, looked=_looked(recipe, state, since) if certain and state else None)


def _stale(recipe: Recipe, plan: Plan, state: State, stored: StoredImage) -> str:
    """Why a stored image is not what a bake would make now; "" when it is."""
    target = plan.targets[0]
    changes = state.changes(target)
    if changes:
        return f"is out of date ({', '.join(_PARTS[part] for part in changes)} changed)"
    if changes is not None and state.baked(target) in _digests(stored):
        return ""
    # By another checkout, or it is not remembered. A commit says what the source was.
    known = is_committed(recipe, plan.version)
    return "" if known else "was not baked from this checkout"


def _digests(stored: StoredImage) -> tuple[str, str]:
    """What a bake calls the image by; a reference of several platforms has another digest."""
    return (stored.digest, stored.manifest_digest)


def _looked(recipe: Recipe, state: State, since: int) -> Looked | None:
    """All that was looked at; None when that cannot be told."""
    path = Path(recipe.file).absolute()
    folders = remembered.looks_at(path, shipped.toolchain_dir())
    if folders is None:
        return None
    here = Path.cwd()
    above = [f for f in (here, *here.parents) if f.is_relative_to(recipe.root)]
    tree = Path(recipe.root, recipe.source)
    # Of a block's source, whether it is there; what is in it is part of the state.
    whole = [lastrun.file(sources.folder(b)) for b in recipe.blocks if b.source]
    files = [Path(recipe.root, ".dockerignore"), Store.own().path / "index.json"]
    if recipe.base.bootstrap:
        made = base.find(recipe.base.suite, base.architecture())
        if made is None:
            return None
        files.append(made.layout / "index.json")
    return Looked(
        since=since,
        parts=(*state.looked(), *whole, *map(lastrun.file, (*files, *source.references(tree)))),
        recipes=tuple(dict.fromkeys(map(str, (*above, *(f / "recipes" for f in above), *folders)))),
        tree=str(tree),
    )
