"""The error that a bake ends with when steps of it failed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pdbuild import failures
from pdbuild.choices import Options
from pdbuild.engine.contract import Built
from pdbuild.errors import EngineError
from pdbuild.places import on_host
from pdbuild.plan.types import Plan
from pdbuild.progress import Failure
from pdbuild.recipe.types import Recipe


class BuildError(EngineError):
    """Targets failed. The message is complete, with the steps' first errors and hints.

    `failures` are the steps, each with its targets, instruction, exit code, first errors and the
    file with all that it wrote; none when it was the engine that failed.
    """

    def __init__(self, message: str, failures: tuple[Failure, ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures


def check(recipe: Recipe, plan: Plan, built: Built, options: Options) -> None:
    """Raise BuildError when something was not built."""
    from pdbuild.progress import report as describe

    smallest = {t.name: len(plan.stages_of(t)) for t in plan.targets}
    texts, broken = [], []
    for failure in built.failures:
        # First the target that shows the failure with the least around it.
        targets = tuple(sorted(failure.targets, key=lambda name: smallest.get(name, 0)))
        command = _again(recipe, plan, targets, options)
        lines = tuple(on_host(line, Path(plan.root, recipe.source)) for line in failure.lines)
        broken.append(replace(failure, targets=targets, lines=lines))
        texts.append(describe(broken[-1], command=command))
        texts += failures.hints(recipe, failure)
    if not texts and built.error:
        texts.append(f"error: {built.error}")
    if built.failures and not options.keep_going and (left := _not_begun(plan, built)):
        texts.append(f"hint: --keep-going builds what needs no failed step: {', '.join(left)}")
    if texts:
        raise BuildError("\n".join(texts), tuple(broken))


def _not_begun(plan: Plan, built: Built) -> list[str]:
    """The unfinished targets that could have been built in spite of the failures."""
    broken = {failure.stage for failure in built.failures}
    return [t.name for t in built.unfinished if not broken & plan.stages_of(t)]


def _again(recipe: Recipe, plan: Plan, targets: Sequence[str], options: Options) -> str:
    """The command that leads to the failing step."""
    target = next((t for t in plan.targets if t.name in targets[:1]), None)
    if target is None:
        return "pdbuild bake --progress=plain"
    return failures.command(recipe, target, options.engine, options.builder)
