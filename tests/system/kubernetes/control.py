"""A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager.

All that they write is in one folder, and gone when the tests are. There is no scheduler and no
kubelet: `node` plays both, and says so in its name.
"""

import contextlib
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .rest import Api, Refused

# Of those, what jobs and builders need: not the one that drops nodes which do not report.
_CONTROLLERS = (
    "job-controller,deployment-controller,replicaset-controller,garbage-collector-controller,resourcequota-controller,namespace-controller,"
    "ttl-after-finished-controller,endpointslice-controller"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control plane that runs. `tokens` are those of the users whom it knows."""

    folder: Path
    url: str
    tokens: dict[str, str]

    @property
    def api(self) -> Api:
        """As its administrator."""
        return Api(url=self.url, token=self.tokens["admin"])

    def kubeconfig(self, user: str, namespace: str = "default") -> str:
        """A file for kubectl, as its text."""
        certificate = self.folder / "certs/apiserver.crt"
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "tests",
                "clusters": [
                    {
                        "name": "tests",
                        "cluster": {"server": self.url, "certificate-authority": str(certificate)},
                    }
                ],
                "users": [{"name": user, "user": {"token": self.tokens[user]}}],
                "contexts": [
                    {
                        "name": "tests",
                        "context": {"cluster": "tests", "user": user, "namespace": namespace},
                    }
                ],
            }
        )

    def logs(self) -> str:
        """What the programs wrote last."""
        parts = []
        for log in sorted(self.folder.glob("*.log")):
            parts += [f"== {log.name}", *log.read_text(errors="replace").splitlines()[-15:]]
        return "\n".join(parts)


@contextlib.contextmanager
def control_plane(programs: Path, folder: Path, users: tuple[str, ...]) -> Iterator[Control]:
    """Bring it up, and take it down again. `admin` may do all, `users` what they are allowed."""
    clients, peers, port = _free_ports(3)
    tokens = {name: secrets.token_hex(8) for name in ("admin", *users)}
    made = Control(folder=folder, url=f"https://127.0.0.1:{port}", tokens=tokens)
    folder.chmod(0o755)
    _keys(folder)
    lines = [f"{tokens['admin']},admin,admin,system:masters"]
    lines += [f"{tokens[name]},{name},{name}" for name in users]
    (folder / "tokens.csv").write_text("\n".join(lines))
    (folder / "admin.yaml").write_text(made.kubeconfig("admin"))
    etcd = f"http://127.0.0.1:{clients}"
    with contextlib.ExitStack() as running:

        def start(name: str, *words: str) -> subprocess.Popen[bytes]:
            log = running.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [programs / name, *words], stdout=log, stderr=log, cwd=folder
            )
            running.callback(_ended, process)
            return process

        start(
            "etcd", f"--data-dir={folder}/etcd", f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}", f"--listen-peer-urls=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        )  # fmt: skip
        server = start(
            "kube-apiserver", f"--etcd-servers={etcd}", f"--secure-port={port}",
            "--bind-address=127.0.0.1", f"--cert-dir={folder}/certs",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/sa.pub",
            f"--service-account-signing-key-file={folder}/sa.key",
            f"--token-auth-file={folder}/tokens.csv", "--authorization-mode=RBAC",
            "--allow-privileged",  # as in all clusters, though not by itself
            "--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount",
        )  # fmt: skip
        _ready(made, server)
        manager = start(
            "kube-controller-manager", "--kubeconfig=admin.yaml",
            "--authentication-kubeconfig=admin.yaml", "--authorization-kubeconfig=admin.yaml",
            "--secure-port=0", "--leader-elect=false", f"--controllers={_CONTROLLERS}",
            f"--service-account-private-key-file={folder}/sa.key",
            "--use-service-account-credentials=false",
        )  # fmt: skip
        yield made
        assert manager.poll() is None and server.poll() is None, made.logs()


def allow(control: Control, namespace: str, user: str) -> None:
    """A namespace in which a user may send jobs, and nothing else."""
    _made(control, "/api/v1/namespaces", "v1", "Namespace", namespace)
    group = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    version = "rbac.authorization.k8s.io/v1"
    verbs = ["create", "get", "list", "watch", "patch", "delete"]
    rules = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["services", "configmaps"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list"]},
    ]
    _made(control, f"{group}/roles", version, "Role", "jobs", rules=rules)
    api = "rbac.authorization.k8s.io"
    _made(
        control, f"{group}/rolebindings", version, "RoleBinding", f"jobs-{user}",
        subjects=[{"kind": "User", "name": user, "apiGroup": api}],
        roleRef={"kind": "Role", "name": "jobs", "apiGroup": api},
    )  # fmt: skip


def _made(control: Control, path: str, version: str, kind: str, name: str, **rest: Any) -> None:
    about = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    control.api.post(path, about | rest)


def _ready(control: Control, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        with contextlib.suppress(OSError, Refused):
            if control.api.get("/readyz")["text"] == "ok":
                return
        assert time.monotonic() < deadline and server.poll() is None, control.logs()
        time.sleep(0.1)


def _keys(folder: Path) -> None:
    for words in (
        ("genrsa", "-out", "sa.key", "2048"),
        ("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"),
    ):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        made = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in made]
