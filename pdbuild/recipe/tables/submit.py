"""`[submit.NAME]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pdbuild import registries
from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.table import MERGE_APPEND, MERGE_BY_KEY, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

#: What a place can be. Each is also the name of a place that no recipe needs to declare.
KINDS = ("slurm", "kubernetes")
#: What starts the image on a node of Slurm's; "auto" tries the others in this order.
RUNTIMES = ("auto", "unshare", "podman", "runc", "charliecloud", "apptainer")

#: The image as one file: what nodes unpack, or what they mount.
FORMATS = {"tar": "tar", "squashfs": "sqfs"}

_TIME = re.compile(r"(\d+-)?\d{1,2}:\d{2}:\d{2}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OPTION = re.compile(r"--[a-z][a-z0-9-]*(=\S.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Table):
    """One entry of `[submit]`: a place that jobs go to, and what they get there."""

    NAMES: ClassVar[str] = names.VARIANT.pattern

    kind: str = key('"slurm" or "kubernetes"; a place of that name needs no kind.', default="")
    nodes: int = key("Nodes; on Kubernetes, pods.", default=1)
    tasks: int = key("Ranks on each node.", default=1)
    gpus: int = key("GPUs of each node.", default=0)
    cpus: int = key("CPUs of each rank; 0: as many as the place gives by itself.", default=0)
    memory: str = key('Memory of each node: "8GB". Empty: what the place gives.', default="")
    time: str = key('The longest that it may take, "HH:MM:SS" or "D-HH:MM:SS".', default="")
    environment: dict[str, str] = key(
        "Environment of each rank.", merge=MERGE_BY_KEY, default_factory=dict
    )
    partition: str = key("Slurm: the partition.", default="")
    account: str = key("Slurm: whose account pays.", default="")
    options: tuple[str, ...] = key(
        'Slurm: other options of sbatch, such as "--qos=long".', merge=MERGE_APPEND, default=()
    )
    runtime: str = key(
        'Slurm: what runs the image, "unshare", "podman", "runc", "charliecloud" or '
        '"apptainer"; "auto" tries them in this order.',
        default="auto",
    )
    format: str = key(
        'Slurm: the image as "tar", which each node unpacks, or "squashfs", which it mounts.',
        default="tar",
    )
    scratch: str = key(
        "Slurm: a folder on each node's own disk, for the node's copy of the image.",
        default="/tmp",
    )
    context: str = key(
        "Kubernetes: the context of kubectl's that names the cluster; default: its current one.",
        default="",
    )
    namespace: str = key("Kubernetes: the namespace; default: the context's.", default="")
    to: str = key(
        "Kubernetes: the repository that nodes pull the image from; default: `[registry] to`.",
        default="",
    )
    pull_secret: str = key("Kubernetes: the secret for that, if it needs one.", default="")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        for name, place in recipe.submit.items():
            yield from problems(("submit", name), name, place)


def settled(name: str, place: "Submit | None") -> str:
    """The kind of a place, declared or not; "" when there is none."""
    kind = place.kind if place else ""
    return kind or (name if name in KINDS else "")


def problems(path: KeyPath, name: str, place: Submit) -> Iterator[Finding]:
    """What is wrong with a place of this name."""
    if not names.VARIANT.fullmatch(name):
        yield Finding(path, "a place's name is lower-case letters, digits and -")
    if place.kind:
        yield from rules.among((*path, "kind"), (place.kind,), KINDS)
    elif name not in KINDS:
        hint = 'kind = "slurm" or "kubernetes"'
        yield Finding(path, "it has no kind", hint)
    yield from rules.among((*path, "runtime"), (place.runtime,), RUNTIMES)
    yield from rules.among((*path, "format"), (place.format,), tuple(FORMATS))
    for number, least in (("nodes", 1), ("tasks", 1), ("gpus", 0), ("cpus", 0)):
        if getattr(place, number) < least:
            yield Finding((*path, number), f"{getattr(place, number)} is less than {least}")
    if place.memory and not names.size(place.memory):
        what = f"{names.quote(place.memory)} is not a size"
        yield Finding((*path, "memory"), what, 'such as "8GB"')
    if place.time and not _TIME.fullmatch(place.time):
        what = f"{names.quote(place.time)} is not a time"
        yield Finding((*path, "time"), what, 'such as "12:00:00" or "2-00:00:00"')
    yield from rules.environment((*path, "environment"), place.environment)
    yield from rules.match((*path, "options"), place.options, _OPTION, "an option, --NAME=VALUE")
    yield from rules.absolute((*path, "scratch"), place.scratch)
    yield from rules.plain_path((*path, "scratch"), place.scratch)
    for label in ("namespace", "pull_secret"):
        if value := getattr(place, label):
            yield from rules.match((*path, label), (value,), _LABEL, "a name of Kubernetes")
    if place.to and (problem := registries.repository_problem(place.to)):
        hint = "write HOST[:PORT]/PATH, without a tag"
        yield Finding((*path, "to"), f"{names.quote(place.to)}: {problem}", hint)
