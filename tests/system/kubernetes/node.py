"""A node and a scheduler, both played by the test: pods run by podman, their status is patched.

What a kubelet does is done as far as jobs need it: an image that cannot be pulled, containers and
their ends, logs over HTTPS, and pods that are told to end. A pod that asks for a label waits.
"""

import contextlib
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from .containers import Podman, Trouble
from .rest import Api, Refused

NAME = "played-by-the-test"


class Node:
    """The node. Each pod has a thread."""

    def __init__(self, api: Api, folder: Path) -> None:
        self._api, self._folder = api, folder
        self.podman = Podman(folder=folder)
        self._pods: dict[str, threading.Thread] = {}
        self._ending: set[str] = set()
        self._over = threading.Event()

    def work(self) -> None:
        """Look for pods until the end."""
        while not self._over.wait(0.1):
            try:
                pods = self._api.get("/api/v1/pods")["items"]
            except OSError:
                continue
            for pod in pods:
                with contextlib.suppress(Refused):
                    self._looked(pod)

    def end(self) -> None:
        """Look for no more, and remove all containers."""
        self._over.set()
        self.podman.emptied([*self._pods])

    def _looked(self, pod: dict[str, Any]) -> None:
        about = pod["metadata"]
        uid, path = about["uid"], _path(pod)
        if pod["spec"].get("nodeSelector"):
            return  # this node has no labels
        if "nodeName" not in pod["spec"]:
            target = {"apiVersion": "v1", "kind": "Node", "name": NAME}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": about["name"]}}
            self._api.post(f"{path}/binding", binding | {"target": target})
        elif uid not in self._pods and "deletionTimestamp" not in about:
            self._pods[uid] = threading.Thread(target=self._lives, args=(pod,), daemon=True)
            self._pods[uid].start()
        elif "deletionTimestamp" in about and uid not in self._ending:
            self._ending.add(uid)
            threading.Thread(target=self._leaves, args=(uid, path), daemon=True).start()

    def _lives(self, pod: dict[str, Any]) -> None:
        """A pod from its start to its end."""
        uid, (container,) = pod["metadata"]["uid"], pod["spec"]["containers"]
        image = container["image"]
        try:
            self.podman.pulled(image)
        except Trouble as trouble:
            said = f'failed to pull image "{image}": {trouble}'
            self._says(pod, "Pending", {"waiting": {"reason": "ErrImagePull", "message": said}})
            time.sleep(2)
            said = f'Back-off pulling image "{image}": {said}'
            self._says(pod, "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": said}})
            return
        self.podman.started(uid, pod, self._files(pod))
        begun = _now()
        self._says(pod, "Running", {"running": {"startedAt": begun}})
        code = self.podman.ended(uid)
        over = {"exitCode": code, "startedAt": begun, "finishedAt": _now()}
        over["reason"] = "Error" if code else "Completed"
        self._says(pod, "Failed" if code else "Succeeded", {"terminated": over})

    def _leaves(self, uid: str, path: str) -> None:
        self.podman.stopped(uid)
        if uid in self._pods:
            self._pods[uid].join(20)
        now: dict[str, Any] = {"gracePeriodSeconds": 0}
        with contextlib.suppress(Refused):
            self._api.delete(path, {"apiVersion": "v1", "kind": "DeleteOptions"} | now)
        self.podman.emptied([uid])

    def _files(self, pod: dict[str, Any]) -> Path:
        """The ConfigMaps of a pod, as files."""
        folder = self._folder / "files" / pod["metadata"]["uid"]
        folder.mkdir(parents=True)
        space = pod["metadata"]["namespace"]
        for volume in pod["spec"].get("volumes", ()):
            name = volume["configMap"]["name"]
            found = self._api.get(f"/api/v1/namespaces/{space}/configmaps/{name}")
            for file, text in found["data"].items():
                (folder / file).write_text(text)
        return folder

    def _says(self, pod: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        (container,) = pod["spec"]["containers"]
        ready = "running" in state
        status = {
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
            "restartCount": 0, "state": state,
        }  # fmt: skip
        conditions = [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": str(ready)},
        ]
        body = {"phase": phase, "conditions": conditions, "containerStatuses": [status]}
        with contextlib.suppress(Refused):  # it may be gone
            self._api.patch(f"{_path(pod)}/status", {"status": body})


@contextlib.contextmanager
def node(api: Api, folder: Path) -> Iterator[Node]:
    """Register a node with the API, and play it."""
    folder.mkdir(parents=True)
    made = Node(api, folder)
    server = _Logs(("127.0.0.1", 0), _Asked)
    server.node = made
    server.socket = _tls(folder).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _registered(api, server.server_port)
    thread = threading.Thread(target=made.work, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.end()
        thread.join(10)
        server.shutdown()
        server.server_close()


class _Logs(ThreadingHTTPServer):
    """What the API asks a kubelet for the logs of."""

    daemon_threads = True
    node: Node


class _Asked(BaseHTTPRequestHandler):
    server: _Logs

    def do_GET(self) -> None:
        """/containerLogs/NAMESPACE/POD/CONTAINER"""
        asked = urlparse(self.path)
        _, kind, space, name, _ = asked.path.split("/")
        assert kind == "containerLogs"
        pod = self.server.node._api.get(f"/api/v1/namespaces/{space}/pods/{name}")
        follow = parse_qs(asked.query).get("follow") == ["true"]
        words = ["logs", *(["--follow"] if follow else []), pod["metadata"]["uid"]]
        self.send_response(200)
        self.end_headers()
        argv = self.server.node.podman.words(*words)
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as reading:
            assert reading.stdout
            with contextlib.suppress(OSError):
                while data := reading.stdout.read1():
                    self.wfile.write(data)
            reading.terminate()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _registered(api: Api, port: int) -> None:
    about = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}
    api.post("/api/v1/nodes", about)
    room = {"cpu": "64", "memory": "64Gi", "pods": "100"}
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "capacity": room,
        "allocatable": room,
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    api.patch(f"/api/v1/nodes/{NAME}/status", {"status": status})


def _tls(folder: Path) -> ssl.SSLContext:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={NAME}", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


def _path(pod: dict[str, Any]) -> str:
    about = pod["metadata"]
    return f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
