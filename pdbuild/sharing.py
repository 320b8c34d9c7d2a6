"""What a bake shares with those of other accounts and machines: objects and layers."""

import contextlib
import os

from pdbuild import compilecache
from pdbuild.choices import Options
from pdbuild.engine import layers
from pdbuild.engine.contract import Engine
from pdbuild.engine.layers import Layers
from pdbuild.errors import UsageError
from pdbuild.plan import steps
from pdbuild.plan.types import Plan
from pdbuild.project import say
from pdbuild.recipe.types import Recipe


def secrets(recipe: Recipe, options: Options, until: contextlib.ExitStack) -> dict[str, str]:
    """The secrets of steps that compile, by their ids; they hold while `until` is open.

    Raises UsageError for an address that is none.
    """
    if not steps.object_cache(recipe):
        return {}
    cache = recipe.cache
    found = compilecache.chosen(cache.remote, read_only=cache.read_only, environment=os.environ)
    offered = compilecache.offered(found, here=not options.builder, say=say)
    return {compilecache.SECRET: until.enter_context(offered)}


def layers_of(plan: Plan, options: Options) -> tuple[Layers, ...]:
    """Where layers of a plan may be besides the engine's own cache. Raises UsageError."""
    brought = layers.imported(plan.project)
    found = [Layers(folder=brought, once=True)] if (brought / "index.json").exists() else []
    return (*map(layers.parse, options.layers_from), *found)


def refuse(options: Options, engine: Engine) -> None:
    """Raise UsageError for places of layers that are none, or that an engine knows nothing of."""
    named = [*options.layers_from, *([options.layers_to] if options.layers_to else [])]
    for text in named:
        kind = "folder" if layers.parse(text).folder else "registry"
        if kind not in engine.layers_in:
            raise UsageError(
                f"{text}: {engine.name} keeps and takes layers in a {engine.layers_in[0]} alone",
                hint="--engine buildkit takes a registry",
            )
