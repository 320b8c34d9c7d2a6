"""The functions that `import pdbuild` has.

`load`, `plan` and `render` give their values at once. The others start a job, and give its handle:
see `Job`. None of them prints, changes the environment or the working directory, or keeps anything
in this process. All can be called from any thread.

Wherever a recipe is meant, `project` is the folder from which it is looked for (the working
directory), its file, or what `load` gave; `recipe` chooses one of `recipes/` by its name. A
recipe's `variants`, `settings` (options by their names) and `platforms` are those of the command
line. Those for clusters are in `clusters`, those about the image store in `transfers`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pdbuild.api import asked
from pdbuild.api.asked import Place, Project
from pdbuild.api.job import Job
from pdbuild.choices import Options
from pdbuild.container import Mount

if TYPE_CHECKING:
    from pdbuild.api.baking import Baked
    from pdbuild.api.rendering import Texts
    from pdbuild.api.running import Ended
    from pdbuild.plan.types import Plan
    from pdbuild.recipe.types import Recipe
    from pdbuild.verify.finding import Judged

Engine = Literal["auto", "buildkit", "buildah"]


def load(project: Place | None = None, *, recipe: str | None = None) -> Recipe:
    """Load a recipe and check it.

    Raises RecipeError with all of its mistakes, UsageError when there is none, or several.
    """
    return asked.recipe(project, recipe)


def plan(
    *targets: str,
    project: Project = None,
    recipe: str | None = None,
    variants: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    platforms: Sequence[str] = (),
) -> Plan:
    """Resolve targets and groups (all of them) to the graph that a bake would build now.

    Nothing is fetched: an optional block whose source is not at hand is in `left_out`. Raises
    UsageError for what the recipe does not have.
    """
    from pdbuild import project as projects

    found = asked.recipe(project, recipe)
    choices = asked.choices(found, targets, variants, settings, platforms)
    return projects.plan_for(found, choices, fetch=False)


def render(
    *targets: str,
    project: Project = None,
    recipe: str | None = None,
    variants: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    platforms: Sequence[str] = (),
) -> Texts:
    """Render the plan of targets and groups: the texts that `bake --print` prints.

    Raises as `plan` does.
    """
    from dataclasses import replace

    from pdbuild.api import rendering

    found = asked.recipe(project, recipe)
    choices = asked.choices(found, targets, variants, settings, platforms)
    return rendering.render(found, replace(choices, recipe=recipe))


def bake(
    *targets: str,
    project: Project = None,
    recipe: str | None = None,
    variants: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    platforms: Sequence[str] = (),
    engine: Engine = "auto",
    builder: str = "",
    keep_going: bool = False,
    again: bool = False,
    strict: bool = False,
    retry_blocks: bool = False,
    output: Place = "",
    push: bool = False,
    to: str = "",
    ca: Place | None = None,
    insecure: bool = False,
    cache_from: Sequence[str] = (),
    cache_to: str = "",
) -> Job[Baked]:
    """Bake targets and groups (all of them), as `pdbuild bake` does with the options so named.

    The job's events are Step, Line, Notice, Made when all is built and, with `push`, Transfer.
    Raises RecipeError and UsageError for the recipe at once. The job raises UsageError and
    EngineError before any work, BuildError when steps failed, and ClaimsError when claims do not
    hold; nothing is pushed then.
    """
    from pdbuild.api.baking import Bake, To
    from pdbuild.errors import UsageError

    if not push and (to or ca or insecure):
        raise UsageError("bake: to, ca and insecure are about push")

    found = asked.recipe(project, recipe)
    options = Options(
        engine=engine,
        builder=builder,
        keep_going=keep_going,
        again=again,
        strict=strict,
        output=os.path.abspath(output) if output else "",  # noqa: PTH100 - "" is the project's
        layers_from=tuple(map(asked.layers, cache_from)),
        layers_to=asked.layers(cache_to),
    )
    work = Bake(
        choices=asked.choices(found, targets, variants, settings, platforms),
        options=options,
        retry_blocks=retry_blocks,
        push=To(repository=to, access=asked.access(ca, insecure)) if push else None,
    )
    return Job(work, Path(found.root))


def run(
    *words: Place,
    project: Project = None,
    recipe: str | None = None,
    image: str = "",
    variant: str = "",
    settings: Mapping[str, str] | None = None,
    platform: str = "",
    env: Mapping[str, str] | None = None,
    mounts: Sequence[Mount] = (),
    devices: Sequence[str] = (),
    folder: Place = "",
    bake: bool = True,
    engine: Engine = "auto",
    builder: str = "",
    runtime: str = "",
    stdin: str | bytes = "",
    detach: bool = False,
) -> Job[Ended]:
    """Run a program, a file of `folder` or a command of the image, in a production image.

    `folder` (the working directory) is what it sees as its own. The image is that of the recipe's
    `variant` (`auto`: the one that fits this machine), baked first if it is out of date, unless
    `bake` is false; or `image`, one of `pdbuild images`. `runtime` is one of those of
    `pdbuild run`; without it, podman where it works.

    The program reads `stdin`. What it writes comes as Output events, and all of it is in the
    result, with the exit code, which is no error. The job raises as `bake` does, and EngineError
    when the program cannot be started; to cancel it ends the program as Ctrl-C would, and a
    program that goes on all the same. With `detach` the job ends when the program has started,
    and the result has the `id` for `logs` and `stop`.
    """
    from pdbuild import options
    from pdbuild.api.running import Program, Run, finish
    from pdbuild.errors import UsageError

    if not words:
        raise UsageError("run: no program")
    if runtime not in ("", "podman", "docker"):
        raise UsageError(f"runtime {runtime!r} is neither podman nor docker")
    if not Path(folder).is_dir():
        raise UsageError(f"there is no folder {folder}")
    if detach and stdin:
        raise UsageError("run: a program that is detached reads nothing")
    work = Run(
        program=Program(
            words=tuple(os.fspath(word) for word in words),
            env=tuple((env or {}).items()),
            mounts=tuple(mounts),
            devices=tuple(map(options.device, devices)),
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
            detach=detach,
        ),
        choices=asked.chosen(project, recipe, image, variant, settings, platform),
        options=Options(engine=engine, builder=builder),
        image=image,
        bake=bake,
        runtime=runtime,
    )
    return Job(work, Path(folder).absolute(), finish)


def logs(id: str, *, follow: bool = False) -> Job[Ended]:
    """What a program that was detached has written: Output events, and all of it in the result.

    With `follow` the job goes on until the program ends. It raises UsageError for what pdbuild
    has not started.
    """
    from pdbuild.api.running import Logs, finish

    return Job(Logs(id=id, follow=follow), Path.cwd(), finish)


def stop(id: str, *, timeout: int = 10) -> Job[None]:
    """Ask a program that was detached to end, kill it after `timeout` seconds, and remove it.

    The job raises as that of `logs` does.
    """
    from pdbuild.api.running import Stop

    return Job(Stop(id=id, timeout=timeout), Path.cwd())


def verify(
    *variants: str,
    images: Sequence[str] = (),
    project: Project = None,
    recipe: str | None = None,
    platforms: Sequence[str] = (),
    again: bool = False,
    engine: Engine = "auto",
    builder: str = "",
) -> Job[tuple[Judged, ...]]:
    """Check what the recipe claims of variants (all of them), or of images of the store.

    Images of variants are baked first if they are out of date. What was found is the result, also
    of claims that do not hold.
    """
    from pdbuild.api.verifying import Verify

    found = asked.recipe(project, recipe)
    work = Verify(
        images=tuple(images),
        variants=variants,
        choices=asked.choices(found, (), (), None, platforms),
        options=Options(engine=engine, builder=builder),
        again=again,
    )
    return Job(work, Path(found.root))
