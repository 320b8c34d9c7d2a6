"""Functions that `import pdbuild` has for jobs on clusters; see `functions`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.api import asked
from pdbuild.api.asked import Place, Project
from pdbuild.api.functions import Engine
from pdbuild.api.job import Job
from pdbuild.choices import Options
from pdbuild.container import Mount

if TYPE_CHECKING:
    from pdbuild.api.running import Ended
    from pdbuild.jobs.kept import Sent


def submit(
    *words: Place,
    to: str,
    project: Project = None,
    recipe: str | None = None,
    image: str = "",
    variant: str = "",
    settings: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    mounts: Sequence[Mount] = (),
    place: Mapping[str, str | int] | None = None,
    folder: Place = "",
    bake: bool = True,
    detach: bool = False,
    ca: Place | None = None,
    insecure: bool = False,
    engine: Engine = "auto",
    builder: str = "",
) -> Job[Ended]:
    """Run a program in a production image as a job on a cluster, as `pdbuild submit` does.

    `to` is a place of the recipe's `[submit]`, or slurm, or kubernetes; keys in `place`, such as
    `{"nodes": 2}`, come before the recipe's. The rest is as for `run`; `ca` and `insecure` are
    for the registry that Kubernetes' nodes pull from.

    What the program writes comes as Output events, how the cluster's job is doing as Notice. The
    result has its exit code, and as `id` its name for `follow` and `cancel`. The job on the cluster
    is cancelled with this one; with `detach` it goes on, and the result is there when it is sent.
    Raises as `run` does, EngineError when the cluster refuses it, and PdbuildError when the job
    ends otherwise than by its program.
    """
    from pdbuild.api.running import finish
    from pdbuild.api.submitting import Submit
    from pdbuild.errors import UsageError

    if not words:
        raise UsageError("submit: no program")
    if not Path(folder).is_dir():
        raise UsageError(f"there is no folder {folder}")
    work = Submit(
        words=tuple(os.fspath(word) for word in words),
        choices=asked.chosen(project, recipe, image, variant, settings),
        to=to,
        given=tuple((place or {}).items()),
        options=Options(engine=engine, builder=builder),
        image=image,
        env=tuple((env or {}).items()),
        mounts=tuple(mounts),
        bake=bake,
        detach=detach,
        access=asked.access(ca, insecure),
        ask=False,
    )
    return Job(work, Path(folder).absolute(), finish)


def submitted() -> tuple[Sent, ...]:
    """The jobs that were sent to clusters from this account, the newest first: the last hundred."""
    from pdbuild.jobs import kept

    return kept.every()


def follow(name: str) -> Job[Ended]:
    """Watch a job that was sent before, from its beginning to its end.

    What it writes comes as Output events; the result has its exit code. The job on the cluster goes
    on when this one is cancelled. Raises UsageError for a name that is none of `submitted`.
    """
    from pdbuild.api.running import finish
    from pdbuild.api.submitting import Follow
    from pdbuild.jobs import kept

    return Job(Follow(sent=kept.find(name)), Path.cwd(), finish)


def cancel(*names: str) -> None:
    """Cancel jobs that were sent to clusters.

    Raises UsageError for a name that is none of `submitted`, EngineError when a cluster refuses.
    """
    from pdbuild.jobs import kept, places

    for sent in [kept.find(name) for name in names]:
        places.cancel(sent)
