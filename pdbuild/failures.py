"""Remembers which step of a target failed last, so that `pdbuild shell --at` can go there."""

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs, leftout
from pdbuild.errors import PdbuildError
from pdbuild.plan.instructions import Arg, Env, Instruction, Stage
from pdbuild.plan.text import render_instruction
from pdbuild.plan.types import Plan, Target
from pdbuild.progress import Failure
from pdbuild.progress.names import brief
from pdbuild.project import key
from pdbuild.recipe import load, named
from pdbuild.recipe.types import Recipe

_UNKNOWN = re.compile(
    r"E: (?:Unable to locate package ([^\s:]+)|Package '?([^\s:']+)\S* has no installation)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The instruction `index` of a stage: the one that failed."""

    stage: Stage
    index: int


def remember(plan: Plan, failures: Iterable[Failure]) -> None:
    """Note where the plan's targets failed."""
    for failure in failures:
        step = {"stage": failure.stage, "step": brief(failure.instruction)}
        for name in failure.targets:
            path = _path(plan, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(step))


def forget(plan: Plan, targets: Iterable[Target]) -> None:
    """These targets are built: nothing of them fails."""
    for target in targets:
        _path(plan, target.name).unlink(missing_ok=True)


def recall(plan: Plan, target: Target) -> Point | None:
    """Where `target` failed last, if the plan still has that step."""
    try:
        noted = json.loads(_path(plan, target.name).read_bytes())
        name, step = noted["stage"], noted["step"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    environment: dict[str, dict[str, str]] = {}
    for stage in plan.stages:  # each after what it starts from
        values = environment.get(stage.base, {}) | _values(stage, target)
        environment[stage.name] = environment.get(stage.base, {}) | _environment(stage)
        for index, instruction in enumerate(stage.instructions):
            text = one_line(instruction)
            if stage.name == name and step in (brief(text), brief(_expanded(text, values))):
                return Point(stage=stage, index=index)
    return None


def one_line(instruction: Instruction) -> str:
    """An instruction as BuildKit names it: on one line."""
    return " ".join(render_instruction(instruction).replace("\\\n", " ").split())


def _values(stage: Stage, target: Target) -> dict[str, str]:
    """The stage's own variables and build arguments."""
    declared = {i.name: i.default for i in stage.instructions if isinstance(i, Arg)}
    values = {name: target.args.get(name, default) for name, default in declared.items()}
    given = {name: value for name, value in values.items() if value is not None}
    return _environment(stage) | given


def _environment(stage: Stage) -> dict[str, str]:
    """The variables that the stage sets, also for those that start from it."""
    return {i.name: i.value for i in stage.instructions if isinstance(i, Env)}


def _expanded(text: str, values: dict[str, str]) -> str:
    """BuildKit names a step with its arguments and environment put in."""
    return re.sub(r"\$(\w+|\{\w+\})", lambda m: values.get(m[1].strip("{}"), m[0]), text)


def command(recipe: Recipe, target: Target, engine: str = "auto", builder: str = "") -> str:
    """The command line that opens a shell before the step at which `target` failed."""
    words = ["pdbuild", "shell", "--at", target.name]
    if not _is_found(recipe):
        words.append(f"--recipe={recipe.file}")
    words += [f"--set={k}={v}" for k, v in target.args.items() if k in recipe.options]
    words += [f"--engine={engine}"] if engine != "auto" else []
    words += [f"--builder={builder}"] if builder else []
    return shlex.join(words)


def hints(recipe: Recipe, failure: Failure) -> tuple[str, ...]:
    """Where the recipe names the packages that apt does not know, and what of the project leaves
    out files that the step lacks: a line for each place."""
    packages = dict.fromkeys(m[1] or m[2] for m in map(_UNKNOWN.match, failure.lines) if m)
    unknown = (
        f"hint: {place}"
        for package in packages
        for place in named.places(recipe, package, f"the archive has no package {package}")
    )
    return (*unknown, *leftout.hints(Path(recipe.root), (*failure.lines, failure.error)))


def _is_found(recipe: Recipe) -> bool:
    """Whether pdbuild finds this recipe without being told."""
    try:
        return load.find(Path.cwd(), None).absolute() == Path(recipe.file).absolute()
    except PdbuildError:
        return False


def _path(plan: Plan, target: str) -> Path:
    return dirs.data_dir() / "failures" / key(plan.root) / f"{target}.json"
