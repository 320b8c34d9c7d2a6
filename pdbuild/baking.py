"""Builds targets in one graph, and puts what they yield where people look."""

import contextlib
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pdbuild import (
    artifacts,
    base,
    broken,
    budget,
    carried,
    claims,
    confined,
    definition,
    failures,
    filling,
    leftovers,
    network,
    optional,
    origin,
    records,
    report,
    sharing,
    shipped,
    sources,
    tools,
    uptodate,
    writable,
)
from pdbuild.choices import Options
from pdbuild.container import sync
from pdbuild.definition import Definition
from pdbuild.engine import install, known
from pdbuild.engine.contract import Build, Built, Engine, Output
from pdbuild.plan.types import Form, Plan, base_of
from pdbuild.platforms import PLATFORMS
from pdbuild.progress import Solve, View, view
from pdbuild.project import is_committed, key, say
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store, StoredImage
from pdbuild.targets import KINDS

Say: TypeAlias = Callable[[str], object]

#: What makes the view of a bake of these targets.
Show: TypeAlias = Callable[[Sequence[str]], View]


def bake_plan(
    recipe: Recipe,
    plan: Plan,
    engine: Engine,
    options: Options,
    *,
    judge_again: bool = False,
    show: Show | None = None,
) -> report.Report:
    """Build a plan, but for what is up to date; what was made.

    When all of it is, the engine is not started. An optional block that fails now spoils what has
    it: that is built again without the block. Raises UsageError and EngineError before any work,
    EngineError also when a target failed: everything that was finished is in its place then.
    `show` is for who does not want the view that `options` name.
    """
    optional.refuse(plan.left_out, options)
    root = Path(options.output or plan.root).absolute()
    writable.made(root, chosen=bool(options.output))
    places = uptodate.places(key(plan.root))
    alone = leftovers.alone(places.exports, (*plan.targets, *plan.outcomes))
    with alone, contextlib.ExitStack() as held:
        leftovers.note(places.exports, root)
        contexts = contexts_of(recipe, plan, bootstrap=True)
        state = state_of(plan, contexts, engine.identity())
        kept = {t.name: o for t in plan.targets if (o := state.output(t, again=options.again))}
        remade = {} if options.again else _remade(state, plan, kept)
        missing = plan.only([t for t in plan.targets if t.name not in kept | remade])
        built, solve = Built(outputs=()), Solve()
        failed: dict[str, str] = {}
        keeper = None
        if missing.targets:
            claims.check(recipe, plan)
            if any(t.form in (Form.FILES, Form.ARCHIVE) for t in missing.targets) or plan.claims:
                writable.check(root, chosen=bool(options.output))
            whole = optional.with_outcomes(missing)
            keeper = held.enter_context(records.begin(plan, recipe.file, engine.name))
            definition.forget_passwords()
            secrets = sharing.secrets(recipe, options, held)
            build = Build(
                plan=whole,
                definition=define(recipe, whole, contexts, held, secrets),
                exports=places.exports,
                keep_going=options.keep_going,
                layers=sharing.layers_of(plan, options),
            )
            filling.fill(whole, engine, contexts, places.exports, held)
            names = [target.name for target in whole.targets]
            shown_by = show(names) if show else _view(options, names)
            with confined.confined(options.jobs), shown_by as shown:
                keeper.solve, shown.watch = shown.solve, keeper.take
                built, solve = engine.build(build, shown), shown.solve
            built, failed = optional.sort_out(recipe, missing, built)
        told = replace(plan, left_out=plan.left_out | failed)
        built = built.beside((kept | remade).values(), plan)
        made = _collect(recipe, told, built, root)
        state.remember(built.outputs)
        result = report.make(told, built, made.files, made.images, solve, unchanged=kept)
        result = claims.judged(
            recipe, plan, made.files, made.images, result, root, again=judge_again
        )
        if options.output:
            result = result.below(root)
        if keeper:
            keeper.made = result
        _after(recipe, plan, built, options, made)
    optional.refuse(failed, options)
    if failed:
        others = optional.without(recipe, plan, failed)
        rest = bake_plan(recipe, others, engine, options, show=show)
        result = report.joined(plan, result, rest)
    return result


def _view(options: Options, targets: Sequence[str]) -> View:
    stream = sys.stdout if options.progress == "json" else sys.stderr
    return view(options.progress, stream, targets=targets)


def _remade(state: uptodate.State, plan: Plan, kept: Container[str]) -> dict[str, Output]:
    """What needs no engine although it is not up to date."""
    waiting = [target for target in plan.targets if target.name not in kept]
    return {target.name: made for target in waiting if (made := state.remade(target))}


def _after(recipe: Recipe, plan: Plan, built: Built, options: Options, made: "_Made") -> None:
    """Remember what failed, and raise it."""
    failures.forget(plan, (output.target for output in built.outputs))
    failures.remember(plan, built.failures)
    broken.check(recipe, plan, built, options)
    budget.check(recipe, made.images)


def state_of(plan: Plan, contexts: Mapping[str, str], engine: str = "") -> uptodate.State:
    """What is up to date of a plan with these named contexts, for the engine that would bake."""
    return uptodate.State(
        plan,
        contexts=contexts,
        ignored=definition.ignored(Path(plan.root)),
        engine=engine,
        places=uptodate.places(key(plan.root)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    files: tuple[artifacts.Artifact, ...]
    images: tuple[StoredImage, ...]


def engine_for(options: Options) -> Engine:
    """The engine that `options` mean, which can work. Raises UsageError and EngineError."""
    if carried.here() and not options.builder and not tools.installed():
        install.bring(carried.here())
    return known.engine(options.engine, options.builder, quiet=options.progress == "quiet")


def contexts_of(recipe: Recipe, plan: Plan, *, bootstrap: bool, say: Say = say) -> dict[str, str]:
    """The named contexts; `bootstrap` makes a base that is missing, else it is left out.

    Either is said.
    """
    contexts = {"hooks": str(shipped.hooks_dir())}
    contexts |= origin.contexts(recipe, plan, needed=bootstrap)
    if recipe.base.bootstrap:
        contexts |= _bases(recipe, plan, bootstrap=bootstrap, say=say)
    for block in plan.sources:
        contexts[f"source-{block.name}"] = str(sources.folder(block))
    return contexts


def define(
    recipe: Recipe,
    plan: Plan,
    contexts: Mapping[str, str],
    until: contextlib.ExitStack | None = None,
    private: Mapping[str, str] | None = None,
) -> Definition:
    """Write the definition, which refers to these named contexts.

    `until` and `private` as `definition.write` has them.
    """
    return definition.write(
        plan,
        recipe=Path(recipe.file).name,
        contexts=contexts,
        network=network.settings(recipe.mirrors),
        ca=network.ca_bundle(),
        until=until,
        private=private,
    )


def _bases(recipe: Recipe, plan: Plan, *, bootstrap: bool, say: Say) -> dict[str, str]:
    """The named contexts that are bases: those of what is emulated, and this machine's."""
    emulated = dict.fromkeys(target.platform for target in plan.targets if target.emulated)
    # These come first: they may be refused.
    wanted = {base_of(plan.base, name): PLATFORMS[name].architecture for name in emulated}
    wanted[plan.base] = base.architecture()
    made = {
        name: _base(recipe, plan, arch, bootstrap=bootstrap, say=say)
        for name, arch in wanted.items()
    }
    return {name: found.context for name, found in made.items() if found}


def _base(
    recipe: Recipe, plan: Plan, architecture: str, *, bootstrap: bool, say: Say
) -> base.Base | None:
    suite = recipe.base.suite
    if bootstrap:
        return base.ensure(suite, architecture, mirror=recipe.mirrors.apt, say=say)
    found = base.find(suite, architecture)
    if found is None:
        say(f"the base is not bootstrapped yet: this names {plan.base} as it stands")
    return found


def _collect(recipe: Recipe, plan: Plan, built: Built, root: Path) -> _Made:
    """Put what was built below `root`, into the image store and into podman."""
    files = [output for output in built.outputs if output.target.form is not Form.IMAGE]
    collected: tuple[artifacts.Artifact, ...] = ()
    if files:
        record, unknown = records.newest(plan.root), optional.unknown(recipe, plan)
        origin = artifacts.Origin(recipe=_named(recipe), variants=tuple(recipe.variants))
        collected = artifacts.collect(root, files, plan.left_out, record, unknown, origin)
    for kind in {output.target.kind for output in built.outputs}:
        for path, text in KINDS[kind].beside(recipe, plan).items():
            _put(root / path, text)
    store = Store.own()
    tags = []
    new = set()
    with store.reading():  # a version that is not the newest stays until it is in podman, too
        for output in built.outputs:
            for tag in output.target.tags:
                if store.adopt(output.layout, output.digest, tag):
                    new.add(tag)
                tags.append((tag, output.target.platform))
        if not is_committed(recipe, plan.version):
            for tag, old in left_behind(store, tags, new):
                say(f"{tag}: its image for {', '.join(old)} is of an earlier bake")
        sync.load(store, tuple(dict.fromkeys(tag for tag, _ in tags)))
        images = tuple(image for tag, where in tags if (image := store.find(tag, where)))
    return _Made(files=collected, images=images)


def _named(recipe: Recipe) -> str:
    file = Path(recipe.file).absolute()
    return str(file.relative_to(recipe.root) if file.is_relative_to(recipe.root) else file)


def left_behind(
    store: Store, tags: Iterable[tuple[str, str]], new: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    """Which of the `new` tags have images of platforms besides, with these platforms.

    `tags` are all that were baked, each with a platform. An image stays when that of another
    platform is replaced, as people bake for one after the other.
    """
    baked = set(tags)
    for tag in sorted(new):
        old = [p for p in store.platforms(tag) if (tag, p) not in baked]
        if old:
            yield tag, old


def _put(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
