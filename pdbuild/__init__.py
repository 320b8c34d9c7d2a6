"""pdbuild: TOML recipes to one parallel, rootless container build graph.

What the command line does, programs have as functions: see `pdbuild.api.functions`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdbuild.api.baking import Baked as Baked
    from pdbuild.api.clusters import cancel as cancel
    from pdbuild.api.clusters import follow as follow
    from pdbuild.api.clusters import submit as submit
    from pdbuild.api.clusters import submitted as submitted
    from pdbuild.api.events import Event as Event
    from pdbuild.api.events import Line as Line
    from pdbuild.api.events import Made as Made
    from pdbuild.api.events import Notice as Notice
    from pdbuild.api.events import Output as Output
    from pdbuild.api.events import Step as Step
    from pdbuild.api.events import Transfer as Transfer
    from pdbuild.api.functions import bake as bake
    from pdbuild.api.functions import load as load
    from pdbuild.api.functions import logs as logs
    from pdbuild.api.functions import plan as plan
    from pdbuild.api.functions import render as render
    from pdbuild.api.functions import run as run
    from pdbuild.api.functions import stop as stop
    from pdbuild.api.functions import verify as verify
    from pdbuild.api.job import Job as Job
    from pdbuild.api.rendering import Texts as Texts
    from pdbuild.api.running import Ended as Ended
    from pdbuild.api.shipping import Pulled as Pulled
    from pdbuild.api.transfers import images as images
    from pdbuild.api.transfers import load_images as load_images
    from pdbuild.api.transfers import pull as pull
    from pdbuild.api.transfers import push as push
    from pdbuild.api.transfers import save as save
    from pdbuild.broken import BuildError as BuildError
    from pdbuild.container import Mount as Mount
    from pdbuild.errors import Bug as Bug
    from pdbuild.errors import EngineError as EngineError
    from pdbuild.errors import Interrupted as Interrupted
    from pdbuild.errors import Mistake as Mistake
    from pdbuild.errors import PdbuildError as PdbuildError
    from pdbuild.errors import RecipeError as RecipeError
    from pdbuild.errors import UsageError as UsageError
    from pdbuild.jobs.kept import Sent as Sent
    from pdbuild.plan.types import Plan as Plan
    from pdbuild.progress import Failure as Failure
    from pdbuild.recipe.types import Recipe as Recipe
    from pdbuild.report import Report as Report
    from pdbuild.store import StoredImage as StoredImage
    from pdbuild.transfer.push import Pushed as Pushed
    from pdbuild.verify.finding import ClaimsError as ClaimsError
    from pdbuild.verify.finding import Judged as Judged

#: The variable that has pdbuild say which programs it starts; `--verbose` sets it.
VERBOSE = "PDBUILD_DEBUG"

# Where each name is; it is imported when it is asked for, as the command line must be quick.
_MODULES = {
    "api.baking": ("Baked",),
    "api.clusters": ("cancel", "follow", "submit", "submitted"),
    "api.events": ("Event", "Line", "Made", "Notice", "Output", "Step", "Transfer"),
    "api.functions": ("bake", "load", "logs", "plan", "render", "run", "stop", "verify"),
    "api.job": ("Job",),
    "api.rendering": ("Texts",),
    "api.running": ("Ended",),
    "api.shipping": ("Pulled",),
    "api.transfers": ("images", "load_images", "pull", "push", "save"),
    "broken": ("BuildError",),
    "container": ("Mount",),
    "errors": (
        *("Bug", "EngineError", "Interrupted", "Mistake", "PdbuildError", "RecipeError"),
        "UsageError",
    ),
    "jobs.kept": ("Sent",),
    "plan.types": ("Plan",),
    "progress": ("Failure",),
    "recipe.types": ("Recipe",),
    "report": ("Report",),
    "store": ("StoredImage",),
    "transfer.push": ("Pushed",),
    "verify.finding": ("ClaimsError", "Judged"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """`plan`, `render` and `verify` are functions here, although packages below have these names.

    Importing one of those sets an attribute of this module, which is not wanted then.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
