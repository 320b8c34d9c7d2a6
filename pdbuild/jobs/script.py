"""The script that Slurm runs: what is special about a job, in front of what is the same in all."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from pdbuild.jobs import Job
from pdbuild.recipe import names
from pdbuild.recipe.tables.submit import FORMATS, RUNTIMES

_BODY = Path(__file__).with_name("slurm.sh")
_RUNTIMES = Path(__file__).with_name("runtimes")
# What Slurm starts, or a step of the job.
_LAST = '"${1:-batch}" "${@:2}"\n'


def render(job: Job) -> str:
    """The text of `job.sh`: for `sbatch` as it stands, without pdbuild."""
    runtimes = (job.place.runtime,) if job.place.runtime != "auto" else RUNTIMES[1:]
    parts = [(_RUNTIMES / f"{name}.sh").read_text() for name in runtimes]
    settings = (*_settings(job), *_array("runtimes", runtimes))
    return "\n".join((*_head(job), "", *settings, "", _BODY.read_text(), *parts, _LAST))


def _head(job: Job) -> Iterator[str]:
    place = job.place
    yield "#!/bin/bash"
    for option in _options(job):
        yield f"#SBATCH {option}"
    on = f"{place.nodes} nodes" if place.nodes > 1 else "one node"
    each = f", {place.tasks} ranks on each" if place.tasks > 1 else ""
    yield "#"
    yield f"# Runs `program` in the image {job.image} on {on}{each}."
    yield "# To send it again, without pdbuild:"
    yield f"#     sbatch {shlex.quote(str(job.folder / 'job.sh'))}"


def _options(job: Job) -> Iterator[str]:
    """sbatch's options."""
    place = job.place
    yield f"--job-name={_word(job.name)}"
    yield f"--nodes={place.nodes}"
    yield f"--ntasks-per-node={place.tasks}"
    if place.cpus:
        yield f"--cpus-per-task={place.cpus}"
    if place.gpus:
        yield f"--gres=gpu:{place.gpus}"
    if place.memory:
        # Slurm counts in powers of two, and whole ones.
        yield f"--mem={-(-(names.size(place.memory) or 0) // (1 << 20))}M"
    for name in ("time", "partition", "account"):
        if value := getattr(place, name):
            yield f"--{name}={_word(value)}"
    yield f"--chdir={_word(str(job.cwd))}"
    yield f"--output={_path(job.folder / 'out')}"
    yield f"--error={_path(job.folder / 'err')}"
    yield "--open-mode=append"
    yield from place.options


def _settings(job: Job) -> Iterator[str]:
    """The variables that the rest of the script reads."""
    place = job.place
    yield "set -euo pipefail"
    yield f"folder={shlex.quote(str(job.folder))}"
    yield f"image=$folder/image.{FORMATS[place.format]}"
    yield f"scratch={shlex.quote(place.scratch)}"
    yield f"runtime={place.runtime}"
    yield f"tasks={place.tasks}"
    yield f"gpus={place.gpus}"
    yield f"workdir={shlex.quote(job.workdir)}"
    given = [f"{name}={value}" for name, value in job.env]
    mounts = [f"{m.source}:{m.target}{':ro' if m.read_only else ''}" for m in job.mounts]
    yield from _array("program", (*job.entrypoint, *job.argv))
    yield from _array("image_environment", job.image_env)
    yield from _array("environment", given)
    yield from _array("mounts", [f"{job.cwd}:{job.workdir}", *mounts])


def _array(name: str, values: tuple[str, ...] | list[str]) -> Iterator[str]:
    words = [shlex.quote(value) for value in values]
    if sum(map(len, words)) < 70:
        yield f"{name}=({' '.join(words)})"
        return
    yield f"{name}=("
    yield from (f"    {word}" for word in words)
    yield ")"


def _path(path: Path) -> str:
    """A file's path, in which % would begin a pattern."""
    return _word(str(path).replace("%", "%%"))


def _word(value: str) -> str:
    """A value in a line of #SBATCH, where double quotes hold it together."""
    return f'"{value}"' if any(c.isspace() for c in value) else value
