"""An application's image, built, tagged and pushed by docker, and started by kubectl: by hand."""

import os
import subprocess
import time
from pathlib import Path

from docker.engines import running

from system.container.images import layout

from .conftest import SPACE, Cluster


def test_built_and_tagged_and_pushed_and_started(kubernetes: Cluster, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    layout(tmp_path / "tiny", label="by hand")
    some = tmp_path / "some"
    some.mkdir()
    (some / "Dockerfile").write_text('FROM tiny\nCOPY a.sh /\nCMD ["sh", "/a.sh"]\n')
    (tmp_path / "a.sh").write_text('echo "trained by $(id -u)"\n')
    config = tmp_path / "config"
    config.write_text(kubernetes.control.kubeconfig("admin", SPACE))
    with running() as engine:
        env = engine.env | {"KUBECONFIG": str(config), "PATH": _path(kubernetes)}
        typed(
            f"skopeo copy --quiet --dest-daemon-host {engine.address} oci:tiny "
            "docker-daemon:tiny:latest", tmp_path, env,
        )  # fmt: skip
        # "me" is nobody's here: the registry is one of this machine's.
        me = f"{kubernetes.registry.address}/me"
        typed("docker build -f some/Dockerfile -t myapp .", tmp_path, env)
        typed(f"docker tag myapp {me}/myapp", tmp_path, env)
        typed(f"docker push {me}/myapp", tmp_path, env)
        typed(f"kubectl run myapp --image {me}/myapp --restart Never", tmp_path, env)
        deadline = time.monotonic() + 40
        while (
            typed("kubectl get pod myapp -o jsonpath={.status.phase}", tmp_path, env) != "Succeeded"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.3)
        assert typed("kubectl logs myapp", tmp_path, env) == "trained by 0\n"
        typed("kubectl delete pod myapp", tmp_path, env)


def _path(kubernetes: Cluster) -> str:
    return f"{os.environ['PATH']}:{kubernetes.programs}"


def typed(line: str, folder: Path, env: dict[str, str]) -> str:
    """What a line printed, which must succeed."""
    done = subprocess.run(
        line.split(), cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout
