"""The manifests of a job on Kubernetes: a Job of one pod a rank, and what its pods need.

`kubectl create --filename FILE` sends them as they stand, without pdbuild.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from pdbuild.errors import UsageError
from pdbuild.jobs import Job
from pdbuild.recipe import names

_PORT = 29500
# Nobody in particular, on the node neither. An image made by pdbuild runs under any id.
_USER = 65532
# Its output can be asked for until then; nobody has to remember to remove it.
_KEPT_SECONDS = 7 * 86400
# Each pod of an indexed Job has its number here.
_INDEX = "batch.kubernetes.io/job-completion-index"
_JOB = "batch.kubernetes.io/job-name"
#: What a ConfigMap may have.
LARGEST = 1 << 20


def render(job: Job, program: tuple[str, str] | None) -> str:
    """The manifests as YAML, each after what it needs.

    `job.image` is the image as nodes pull it. `program` is a file that the image does not
    have: where it is seen, and its text.
    """
    import yaml

    made = [_service(job), _job(job, program)]
    if program:
        made.insert(0, _program(job, program))

    class Dumper(yaml.SafeDumper):  # type: ignore[misc] # yaml has no types
        """Shows a text of several lines as such."""

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped = yaml.dump_all(made, Dumper=Dumper, sort_keys=False, width=100, explicit_start=True)
    return str(dumped)


def checked(job: Job) -> tuple[str, str] | None:
    """The program's file, when it is one here: where it is seen, and its text.

    Raises UsageError for what a job on Kubernetes cannot have.
    """
    if job.place.tasks != 1:
        raise UsageError("on Kubernetes a rank is a pod: --nodes N, without --tasks")
    if job.mounts:
        raise UsageError("pods see no folders of this machine: -v is for Slurm")
    seen = PurePosixPath(job.argv[0])
    if not seen.is_relative_to(job.workdir):
        return None
    file = Path(job.cwd, seen.relative_to(job.workdir))
    if not file.is_file():
        return None
    data = file.read_bytes()
    if len(data) > LARGEST:
        raise UsageError(f"{file}: a program of more than 1 MB must be in the image")
    try:
        return str(seen), data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text: it must be in the image") from None


def name_of(text: str, ending: str) -> str:
    """A name of Kubernetes' for a job: at most 52 characters, as its pods' have more."""
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in text.lower()).strip("-")
    if not kept[:1].isalpha():  # as a Service's name must begin
        kept = f"job-{kept}"
    return f"{kept[: 51 - len(ending)].rstrip('-')}-{ending}"


def _about(job: Job) -> dict[str, Any]:
    about: dict[str, Any] = {"name": job.name}
    if job.place.namespace:
        about["namespace"] = job.place.namespace
    return about | {"labels": _labels(job)}


def _labels(job: Job) -> dict[str, str]:
    return {"app.kubernetes.io/name": job.name, "app.kubernetes.io/managed-by": "pdbuild"}


def _program(job: Job, program: tuple[str, str]) -> dict[str, Any]:
    path, text = program
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _about(job),
        "immutable": True,
        "data": {PurePosixPath(path).name: text},
    }


def _service(job: Job) -> dict[str, Any]:
    """Gives each pod a name of its own, so that they find each other."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _about(job),
        "spec": {
            "clusterIP": "None",
            # They look for each other before any of them is ready.
            "publishNotReadyAddresses": True,
            "selector": {_JOB: job.name},
            "ports": [{"name": "rendezvous", "port": _PORT}],
        },
    }


def _job(job: Job, program: tuple[str, str] | None) -> dict[str, Any]:
    place = job.place
    spec: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": place.nodes,
        "parallelism": place.nodes,
        # A rank alone cannot begin again: the first that fails ends the job.
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": _KEPT_SECONDS,
    }
    if place.time:
        spec["activeDeadlineSeconds"] = seconds(place.time)
    spec["template"] = {"metadata": {"labels": _labels(job)}, "spec": _pod(job, program)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _about(job), "spec": spec}


def _pod(job: Job, program: tuple[str, str] | None) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "subdomain": job.name,
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if job.place.pull_secret:
        pod["imagePullSecrets"] = [{"name": job.place.pull_secret}]
    container: dict[str, Any] = {
        "name": "rank",
        "image": job.image,
        "args": list(job.argv),
        "env": _environment(job),
        "resources": _resources(job),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if not container["resources"]:
        del container["resources"]
    if program:
        path = PurePosixPath(program[0])
        container["volumeMounts"] = [
            {"name": "program", "mountPath": str(path), "subPath": path.name, "readOnly": True}
        ]
        pod["volumes"] = [{"name": "program", "configMap": {"name": job.name}}]
    return pod | {"containers": [container]}


def _environment(job: Job) -> list[dict[str, Any]]:
    """As torchrun names them; `PEERS` are the pods' names."""
    peers = [f"{job.name}-{rank}.{job.name}" for rank in range(job.place.nodes)]
    said = {
        "WORLD_SIZE": str(job.place.nodes),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": peers[0],
        "MASTER_PORT": str(_PORT),
        "PEERS": ",".join(peers),
        **dict(job.env),
    }
    path = f"metadata.annotations['{_INDEX}']"
    ranks: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name in ("RANK", "NODE_RANK")
    ]
    return [*ranks, *({"name": name, "value": value} for name, value in said.items())]


def _resources(job: Job) -> dict[str, Any]:
    place = job.place
    limits: dict[str, Any] = {}
    if place.cpus:
        limits["cpu"] = place.cpus
    if place.memory:
        limits["memory"] = str(names.size(place.memory) or 0)
    if place.gpus:
        limits["nvidia.com/gpu"] = place.gpus
    # Where limits are said, the requests are the same.
    return {"limits": limits} if limits else {}


def seconds(time: str) -> int:
    """The seconds of a time, "HH:MM:SS" or "D-HH:MM:SS"."""
    days, _, clock = time.rpartition("-")
    hours, minutes, rest = map(int, clock.split(":"))
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + rest
