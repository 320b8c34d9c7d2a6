"""What an engine is: the values that go in and come out, and the protocol."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pdbuild.definition import Definition
from pdbuild.engine.layers import Layers
from pdbuild.plan.types import Plan, Target
from pdbuild.progress import Failure, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A request to an engine: all targets of `plan`, which `definition` holds as text.

    The output of a target goes to an OCI layout in `exports/TARGET`. With `keep_going` a
    failed target does not stop those that do not need it. `layers` are other places than the
    engine's own cache that may have what a step yielded.
    """

    plan: Plan
    definition: Definition
    exports: Path
    keep_going: bool = False
    layers: tuple[Layers, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one target yielded: the image `digest` in an OCI layout; files are its layers."""

    target: Target
    layout: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build yielded, also when it failed: finished outputs, and what went wrong.

    `error` is the engine's own message when no step is to blame. `unfinished` are the
    targets without an output.
    """

    outputs: tuple[Output, ...]
    unfinished: tuple[Target, ...] = ()
    failures: tuple[Failure, ...] = ()
    error: str = ""

    def beside(self, others: Iterable[Output], plan: Plan) -> "Built":
        """With other outputs, those of targets that were not built; in the plan's order."""
        found = {output.target.name: output for output in (*self.outputs, *others)}
        return replace(self, outputs=tuple(found[t.name] for t in plan.targets if t.name in found))


class Engine(Protocol):
    """Runs definitions. `layers_in` are the kinds of places where it can keep layers for others."""

    name: str
    layers_in: tuple[str, ...]

    def identity(self) -> str:
        """Which engine it is, and which version: another may build something else."""

    def check(self) -> None:
        """Raise EngineError, with reason and hint, when this engine cannot work here."""

    def held(self) -> AbstractContextManager[object]:
        """What builds that follow each other need is started once, and stays until the block ends.

        Raises EngineError when it does not start.
        """

    def build(self, build: Build, view: View) -> Built:
        """Run the build and show it on `view`.

        Steps that fail are in the result. Raises EngineError when the engine itself fails
        and Interrupted when the user stops it; nothing is left running then.
        """

    def keep(self, build: Build, view: View, where: Layers) -> None:
        """Keep the layers of a build's targets, which have been built, for others.

        Raises EngineError when that fails.
        """
