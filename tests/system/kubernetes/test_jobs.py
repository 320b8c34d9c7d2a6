"""`pdbuild submit` to a real API of Kubernetes, as a user types it."""

import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from system import small
from system.project import Project
from system.terminal import QUESTION, press, typed, until
from system.tiny import IMAGE

from .conftest import SPACE, Cluster
from .node import NAME

SAY = 'echo "$RANK of $WORLD_SIZE, $PEERS, $(id -u), $WORD"'
WAIT = "trap 'echo told; exit 3' TERM; echo waiting; while :; do sleep 0.1; done"


def submitted(
    here: Project, kubernetes: Cluster, *words: str, script: str = SAY, user: str = "member"
) -> subprocess.CompletedProcess[str]:
    given = kubernetes.given(here, user)
    argv = ("submit", "--to=kubernetes", "--insecure", *words, IMAGE, "sh", "-c", script)
    return here.pdbuild(*argv, env=given, timeout=120)


def started(here: Project, kubernetes: Cluster, script: str, said: str) -> subprocess.Popen[str]:
    """A submit of two pods, both of which have said that."""
    argv = ("submit", "--to=kubernetes", "--insecure", "--nodes=2", IMAGE, "sh", "-c", script)
    process = here.start(*argv, env=kubernetes.given(here))
    assert process.stdout
    lines = sorted(process.stdout.readline() for _ in range(2))
    assert lines == [f"0: {said}\n", f"1: {said}\n"], process.communicate(timeout=60)
    return process


def job_of(here: Project, kubernetes: Cluster) -> str:
    """The newest job's name."""
    listed = here.succeeds("jobs", "--json", env=kubernetes.given(here))
    return str(json.loads(listed)[0]["id"])


def test_two_pods_run_it_and_their_output_is_ours(here: Project, kubernetes: Cluster) -> None:
    done = submitted(here, kubernetes, "--nodes=2", "-e", "WORD=hello")
    assert done.returncode == 0, done.stderr
    job = job_of(here, kubernetes)
    name = job.removeprefix("kubernetes-")
    peers = f"{name}-0.{name},{name}-1.{name}"
    said = [f"{rank}: {rank} of 2, {peers}, 65532, hello" for rank in (0, 1)]
    assert sorted(done.stdout.splitlines()) == said
    assert re.search(rf"^{job}: (pending|running)$", done.stderr, re.MULTILINE)
    given = kubernetes.given(here)
    assert re.search(rf"^{job} +done +2 ", here.succeeds("jobs", env=given), re.MULTILINE)
    assert sorted(here.succeeds("logs", job, env=given).splitlines()) == said
    # What belongs to the job goes with it, a week after its end.
    (found,) = kubernetes.objects(["jobs"])
    assert found["spec"]["ttlSecondsAfterFinished"] == 7 * 86400
    (service,) = kubernetes.objects(["services"])
    (owner,) = service["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", found["metadata"]["uid"])


def test_one_pod_says_what_it_says(here: Project, kubernetes: Cluster) -> None:
    done = submitted(here, kubernetes, script="echo '[pod/x/y] é'; printf last; exit 5")
    assert (done.returncode, done.stdout) == (5, "[pod/x/y] é\nlast\n")


def test_a_rank_that_fails_ends_the_job_with_its_name(here: Project, kubernetes: Cluster) -> None:
    script = '[ "$RANK" = 1 ] && exit 7; sleep 100'
    done = submitted(here, kubernetes, "--nodes=2", script=script)
    assert done.returncode == 7, done.stderr
    assert f"pdbuild: rank 1 on {NAME} ended with exit code 7: sh\n" in done.stderr


def test_it_is_left_and_found_again_and_cancelled(here: Project, kubernetes: Cluster) -> None:
    given = kubernetes.given(here)
    process = started(here, kubernetes, WAIT, "waiting")
    job = job_of(here, kubernetes)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"error: interrupted; {job} goes on (pdbuild logs --follow {job}" in err
    assert re.search(rf"^{job} +running ", here.succeeds("jobs", env=given), re.MULTILINE)
    following = here.start("logs", "--follow", job, env=given)
    assert following.stdout
    assert sorted(following.stdout.readline() for _ in range(2)) == ["0: waiting\n", "1: waiting\n"]
    here.succeeds("cancel", job, env=given)
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err
    assert sorted(out.splitlines()) == ["0: told", "1: told"]
    assert re.search(rf"^{job} +deleted ", here.succeeds("jobs", env=given), re.MULTILINE)


def test_ctrl_c_asks_and_may_cancel(here: Project, kubernetes: Cluster) -> None:
    argv = ("submit", "--to=kubernetes", "--insecure", IMAGE, "sh", "-c", WAIT)
    terminal = typed(here, *argv, env=kubernetes.given(here))
    until(terminal, "waiting")
    for answer in ("\n", ""):  # go on, at first
        press(terminal, "\x03")
        until(terminal, QUESTION)
        press(terminal, answer)
        time.sleep(1)
        assert terminal.poll() is None and len(kubernetes.objects(["jobs"])) == 1
    said, _ = terminal.communicate("c\n", timeout=60)
    assert re.search(r"error: interrupted; kubernetes-\S+ is cancelled", said), said
    assert terminal.returncode == 130
    assert kubernetes.objects(["jobs"]) == []


def test_a_job_whose_time_is_over(here: Project, kubernetes: Cluster) -> None:
    done = submitted(here, kubernetes, "--time=00:00:03", script=WAIT)
    assert done.returncode == 1
    assert re.search(r"error: kubernetes-\S+: ended by Kubernetes: its time was over", done.stderr)


def test_who_may_not_is_told_so_as_the_api_says_it(here: Project, kubernetes: Cluster) -> None:
    done = submitted(here, kubernetes, user="stranger")
    assert done.returncode == 1
    assert "error: the cluster refused the job:\n" in done.stderr
    assert 'jobs.batch is forbidden: User "stranger" cannot create resource "jobs"' in done.stderr
    assert not list(here.root.glob("build/submit/*"))


def test_a_quota_that_refuses_the_job_leaves_nothing(here: Project, kubernetes: Cluster) -> None:
    with quota(kubernetes, {"count/jobs.batch": "0"}):
        done = submitted(here, kubernetes)
    assert done.returncode == 1
    assert "error: the cluster refused the job: Error from server (Forbidden): " in done.stderr
    assert "exceeded quota: small, requested: count/jobs.batch=1" in done.stderr
    assert kubernetes.objects() == []


def test_a_quota_that_refuses_the_pods_is_said(here: Project, kubernetes: Cluster) -> None:
    with quota(kubernetes, {"pods": "0"}):
        argv = ("submit", "--to=kubernetes", "--insecure", IMAGE, "sh", "-c", SAY)
        process = here.start(*argv, env=kubernetes.given(here))
        assert process.stderr
        said = ""
        while "exceeded quota: small, requested: pods=1" not in said:
            said = process.stderr.readline()
            assert said, process.communicate(timeout=10)
        assert ": pending (Error creating: pods " in said
        here.succeeds("cancel", job_of(here, kubernetes), env=kubernetes.given(here))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1 and "was deleted" in err


def test_an_unknown_field_is_refused_by_its_name(here: Project, kubernetes: Cluster) -> None:
    """By an API that is older than what pdbuild writes, say."""
    given = kubernetes.given(here)
    assert submitted(here, kubernetes).returncode == 0
    (path,) = here.root.glob("build/submit/*/job.yaml")
    path.write_text(path.read_text().replace("parallelism:", "paralelism:"))
    program = (
        "import sys; from pathlib import Path; from pdbuild.jobs import kept, kubernetes;"
        "kubernetes.create(Path(sys.argv[1]), kept.every()[0])"
    )
    python = here.program.parent / "python"
    done = here.user.run([python, "-c", program, path], env=given, cwd=here.root)
    assert "EngineError: the cluster refused the job:" in done.stderr
    # kubectl finds it itself, or has the server do that since 1.25.
    assert re.search(r'unknown field "(spec\.)?paralelism"', done.stderr), done.stderr


def test_an_image_that_nodes_cannot_pull(
    here: Project, kubernetes: Cluster, tmp_path: Path
) -> None:
    """The registry asks who pulls, and the job has no `pull_secret`."""
    with small.registry(tmp_path, guarded=True) as guarded:
        assert guarded.ca
        text = (here.root / "pdbuild.toml").read_text()
        to = f"{guarded.address}/team/tiny"
        here.written("pdbuild.toml", text.replace(f"{kubernetes.registry.address}/team/tiny", to))
        login = json.dumps({"auths": {guarded.address: {"auth": "c29tZW9uZTpzZWNyZXQ="}}})
        here.written("auth.json", login)
        ca = here.written("ca.crt", guarded.ca.read_text())
        argv = ("submit", "--to=kubernetes", f"--ca={ca}", IMAGE, "sh", "-c", SAY)
        given = kubernetes.given(here) | {"REGISTRY_AUTH_FILE": str(here.root / "auth.json")}
        done = here.pdbuild(*argv, env=given, timeout=90)
    assert done.returncode == 1
    assert re.search(r": pending \(rank 0: ErrImagePull: failed to pull", done.stderr), done.stderr
    assert "cannot begin, and is cancelled: rank 0: ImagePullBackOff: Back-off" in done.stderr


@contextlib.contextmanager
def quota(kubernetes: Cluster, hard: dict[str, str]) -> Iterator[None]:
    """A quota of the namespace, for a while."""
    api, path = kubernetes.control.api, f"/api/v1/namespaces/{SPACE}/resourcequotas"
    about = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}}
    api.post(path, about | {"spec": {"hard": hard}})
    deadline = time.monotonic() + 20
    while api.get(f"{path}/small").get("status", {}).get("hard") != hard:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield
    api.delete(f"{path}/small")
    time.sleep(0.5)  # who admits pods remembers it for a moment
