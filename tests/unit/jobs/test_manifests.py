"""The manifests of a job on Kubernetes, checked by its own schemas."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from pdbuild.errors import UsageError
from pdbuild.jobs import Job, manifests
from pdbuild.recipe.tables.submit import Submit

IMAGE = "registry.example.org/team/squares@sha256:" + "0" * 64


def made(program: tuple[str, str] | None = None, **place: object) -> dict[str, Any]:
    """The manifests by their kinds, each of them valid."""
    job = Job(
        name="train",
        to="kubernetes",
        place=Submit(**place),  # type: ignore[arg-type]
        image=IMAGE,
        argv=("/work/train.py", "--epochs", "3"),
        workdir="/work",
        cwd=Path("/home/me"),
        folder=Path("/home/me/build"),
        env=(("WORD", "yes"),),
    )
    found = list(yaml.safe_load_all(manifests.render(job, program)))
    for manifest in found:
        kubernetes_validate.validate(manifest, "1.36", strict=True)
    return {manifest["kind"]: manifest for manifest in found}


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def variables(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(manifest)["containers"]
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container["env"]}


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {"paralelism": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.36", strict=True)


def test_each_rank_is_a_pod_that_finds_the_others() -> None:
    found = made(nodes=3)
    spec = found["Job"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert spec["backoffLimit"] == 0 and "activeDeadlineSeconds" not in spec
    service = found["Service"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": "train"}
    assert pod_of(found["Job"])["subdomain"] == service["metadata"]["name"] == "train"
    said = variables(found["Job"])
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert said["RANK"] == said["NODE_RANK"] == {"fieldRef": {"fieldPath": index}}
    assert said["WORLD_SIZE"] == "3" and said["MASTER_ADDR"] == "train-0.train"
    assert said["PEERS"] == "train-0.train,train-1.train,train-2.train"
    assert said["WORD"] == "yes"


def test_pods_are_nobody_and_may_nothing() -> None:
    pod = pod_of(made()["Job"])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert container["image"] == IMAGE and "resources" not in container
    assert container["args"] == ["/work/train.py", "--epochs", "3"]


def test_what_is_asked_for_is_a_limit() -> None:
    found = made(
        gpus=2, cpus=4, memory="8GB", time="1-02:03:04", pull_secret="registry", namespace="team"
    )
    (container,) = pod_of(found["Job"])["containers"]
    assert container["resources"] == {
        "limits": {"cpu": 4, "memory": "8000000000", "nvidia.com/gpu": 2}
    }
    assert found["Job"]["spec"]["activeDeadlineSeconds"] == 86400 + 7384
    assert pod_of(found["Job"])["imagePullSecrets"] == [{"name": "registry"}]
    assert {m["metadata"]["namespace"] for m in found.values()} == {"team"}


def test_a_program_here_goes_with_the_job() -> None:
    text = 'print("it\'s: é")\n# a\ttab\n'
    found = made(program=("/work/train.py", text))
    assert found["ConfigMap"]["data"] == {"train.py": text}
    pod = pod_of(found["Job"])
    assert pod["volumes"] == [{"name": "program", "configMap": {"name": "train"}}]
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert (mount["mountPath"], mount["subPath"]) == ("/work/train.py", "train.py")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("train.py", "train-py-7"),
        ("Über_Netz.py", "ber-netz-py-7"),
        ("a" * 80, "a" * 50 + "-7"),
        ("...", "job-7"),
        ("3d.py", "job-3d-py-7"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert manifests.name_of(text, "7") == name


def sent(folder: Path, *argv: str, tasks: int = 1) -> Job:
    return Job(
        name="train", to="kubernetes", place=Submit(tasks=tasks), image=IMAGE, argv=argv,
        workdir="/work", cwd=folder, folder=folder,
    )  # fmt: skip


def test_only_a_file_of_the_working_directory_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(1)\n")
    assert manifests.checked(sent(tmp_path, "/work/a.py")) == ("/work/a.py", "print(1)\n")
    assert manifests.checked(sent(tmp_path, "/work/b.py")) is None
    assert manifests.checked(sent(tmp_path, "squares", "7")) is None


def test_what_kubernetes_cannot_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a rank is a pod"):
        manifests.checked(sent(tmp_path, "a", tasks=2))
    (tmp_path / "large.py").write_bytes(b"#" * (manifests.LARGEST + 1))
    with pytest.raises(UsageError, match=r"large\.py: a program of more than 1 MB"):
        manifests.checked(sent(tmp_path, "/work/large.py"))
    (tmp_path / "binary.py").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"binary\.py is no text"):
        manifests.checked(sent(tmp_path, "/work/binary.py"))
