"""What kubectl is asked; a stand-in answers. The real one is in tests/system/kubernetes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pdbuild.errors import EngineError
from pdbuild.jobs import kubernetes, outputs
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.podlogs import Logs
from pdbuild.jobs.pods import Pod

Kubectl = Callable[[str], Path]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Makes the stand-in; what it was asked is in the file that comes back."""

    def make(script: str) -> Path:
        asked = tmp_path / "asked"
        asked.write_text("")
        program = tmp_path / "kubectl"
        program.write_text(f'#!/bin/sh\nprintf "%s\\\\n" "$*" >>{asked}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return asked

    return make


def sent(nodes: int = 2, **where: str) -> Sent:
    return Sent(
        to="kubernetes", kind="kubernetes", number="a-7", folder="/nowhere", program="a.py",
        nodes=nodes, submitted="", **where,
    )  # fmt: skip


def test_who_has_no_kubectl_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="kubectl is not installed") as raised:
        kubernetes.state(sent())
    assert "kubernetes-client" in raised.value.hint


def test_where_the_job_is_is_said_each_time(kubectl: Kubectl) -> None:
    asked = kubectl("echo '{\"items\": []}'")
    assert kubernetes.state(sent(context="big", namespace="team")).word == "deleted"
    assert asked.read_text() == (
        "--context=big --namespace=team get jobs,pods --selector=app.kubernetes.io/name=a-7"
        " --output=json --request-timeout=30s\n"
    )


def test_what_was_made_of_a_job_that_is_refused_is_removed(kubectl: Kubectl) -> None:
    asked = kubectl(
        'case $* in *create*) echo "ConfigMap a-7 1 team"; echo "Service a-7 2 team"\n'
        'echo "Error from server (Forbidden): exceeded quota" >&2; exit 1;; esac'
    )
    with pytest.raises(EngineError, match=r"refused the job: Error from server \(Forbidden\)"):
        kubernetes.create(Path("job.yaml"), sent())
    assert asked.read_text().splitlines()[1:] == [
        "delete --wait=false --ignore-not-found ConfigMap/a-7 Service/a-7 --request-timeout=30s"
    ]


def test_each_line_has_its_rank_and_is_shown_once(kubectl: Kubectl, tmp_path: Path) -> None:
    """The first connection breaks; the second has all again."""
    broken = tmp_path / "broken"
    asked = kubectl(
        f'echo "[pod/a-0-x/rank] one"; if [ ! -e {broken} ]; then touch {broken}; exit 1; fi\n'
        'echo "[pod/a-1-x/rank] [pod/y] é"; printf "[pod/a-0-x/rank] two"'
    )
    pods = tuple(Pod(name=f"a-{rank}-x", rank=rank, began=True) for rank in (0, 1))
    logs = Logs(sent(), follow=True)
    said = b""
    for _ in range(2):
        logs.begin(pods)
        while logs.reading:
            said += logs.more()
    assert said.decode() == "0: one\n1: [pod/y] é\n0: two\n"
    assert "in (0,1) --max-log-requests=2 --prefix" in asked.read_text()


def test_a_rank_that_has_not_begun_is_not_read(kubectl: Kubectl) -> None:
    asked = kubectl("true")
    logs = Logs(sent(), follow=True)
    logs.begin((Pod(name="a-0-x", rank=0),))
    assert not logs.reading and asked.read_text() == ""


def test_one_rank_is_read_as_it_is(
    kubectl: Kubectl, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    pod = '{"kind": "Job"}, {"kind": "Pod", "metadata": {"name": "a-0-x"}, "status": '
    pod += '{"containerStatuses": [{"state": {"running": {}}}]}}'
    kubectl(f"case $* in *get*) echo '{{\"items\": [{pod}]}}';; *logs*) printf 'a\\377b';; esac")
    outputs.of(sent(nodes=1), follow=False).so_far()
    assert capfdbinary.readouterr().out == b"a\xffb\n"
