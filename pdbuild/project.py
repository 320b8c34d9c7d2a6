"""From the command line's choices to a recipe and a plan."""

import dataclasses
import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pdbuild import attempts, pinned, shipped, source, sources
from pdbuild.choices import Choices
from pdbuild.plan.types import Plan, Request
from pdbuild.platforms import native
from pdbuild.recipe import load, remembered
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve
from pdbuild.version import Version, patterns


def open_recipe(chosen: str | None, folder: Path | None = None) -> Recipe:
    """The recipe that is meant, loaded and checked: seen from `folder`, else from here.

    With `folder` its file and what is said of it have absolute paths.
    """
    path = load.find(folder, chosen).absolute() if folder else load.find(Path.cwd(), chosen)
    return remembered.load(path, blocks_dir=shipped.toolchain_dir(), hooks_dir=shipped.hooks_dir())


def plan_for(recipe: Recipe, choices: Choices, *, fetch: bool = True) -> Plan:
    """The plan for these choices, with the version that git gives the source now.

    Blocks that are built from a source are in it when that is at hand; with `fetch` it is
    fetched first, if something that is asked for needs it. Raises PdbuildError when a block
    that is not optional has none.
    """
    return plan_of(recipe, request_for(recipe, choices), fetch=fetch)


def plan_of(recipe: Recipe, request: Request, *, fetch: bool = True) -> Plan:
    """The same for a request that is there already."""
    recipe = attempts.with_tries(recipe)
    plan = resolve(recipe, request)
    if any(target.kind == "app" for target in plan.targets):
        pinned.refuse_stale(recipe)
    left_out = attempts.recall(recipe, plan.sources)
    hopeful = [block for block in plan.sources if block.name not in left_out]
    left_out |= sources.missing(recipe, hopeful, fetch=fetch, say=say)
    return plan_without(recipe, request, left_out) if left_out else plan


def plan_without(recipe: Recipe, request: Request, left_out: Mapping[str, str]) -> Plan:
    """The plan without these optional blocks; the values say why."""
    recipe = attempts.with_tries(recipe)
    return resolve(dataclasses.replace(recipe, left_out=dict(left_out)), request)


def try_again(recipe: Recipe) -> None:
    """Have the optional blocks that failed tried again."""
    attempts.again(recipe)
    for block in recipe.blocks:
        if block.source:
            sources.ask_again(block)


def plain_plan(recipe: Recipe, choices: Choices) -> Plan:
    """The plan as plain tools can build it, the same on every machine."""
    return resolve(sources.plain(recipe), request_for(recipe, choices))


def is_committed(recipe: Recipe, version: Version) -> bool:
    """Whether a version says what the source was: it is that of a commit, and nothing besides."""
    changed = version.text.endswith("-dirty") or version.text == "0.0.0"
    return recipe.project.version == "git" and not changed


def say(line: str) -> None:
    """A line about what is going on, on stderr."""
    print(line, file=sys.stderr)


def request_for(recipe: Recipe, choices: Choices) -> Request:
    """The request that these choices and the state of the source amount to."""
    project = recipe.project
    tags = patterns(project.name, project.tag)
    facts = source.describe(Path(recipe.root, recipe.source), project.version, tags)
    return Request(
        targets=choices.targets,
        variants=choices.variants,
        settings=choices.settings,
        platforms=choices.platforms,
        machine=native(),
        version=facts.version,
        revision=facts.revision,
        created=facts.created,
        source_url=facts.url,
    )


def shown(path: Path) -> str:
    """`path` as people read it: relative when it is below the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else os.fspath(path)


def key(root: str) -> str:
    """The name of a checkout's own state: readable, and different for each folder."""
    return f"{Path(root).name}-{hashlib.sha256(root.encode()).hexdigest()[:12]}"
