"""The containers of a node that is played: podman's, in a folder of their own."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Trouble(Exception):  # noqa: N818
    """An image that cannot be pulled, or a container that cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Podman:
    """podman with its state in `folder`."""

    folder: Path

    def words(self, *words: str) -> list[str]:
        """A command line of its."""
        return [
            "podman", f"--root={self.folder}/root", f"--runroot={self.folder}/run",
            "--cgroup-manager=cgroupfs", "--runtime=runc", "--events-backend=file",
            f"--tmpdir={self.folder}/tmp", *words,
        ]  # fmt: skip

    def told(self, *words: str) -> str:
        """What it prints. Raises Trouble with what it said."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Trouble(done.stderr.strip().splitlines()[-1])
        return done.stdout.strip()

    def pulled(self, image: str) -> None:
        """Pull from a registry of this machine, which has no certificate."""
        self.told("pull", "--quiet", "--tls-verify=false", image)

    def started(self, name: str, pod: dict[str, Any], files: Path) -> None:
        """Make the only container of a pod, as its specification says, and start it."""
        spec = pod["spec"]
        (container,) = spec["containers"]
        # podman would ask for more than some machines allow.
        words = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]
        words += ["--network=host", "--pull=never"]
        if who := spec.get("securityContext"):
            words.append(f"--user={who['runAsUser']}:{who['runAsGroup']}")
        if may := container.get("securityContext"):
            assert may["capabilities"] == {"drop": ["ALL"]} and not may["allowPrivilegeEscalation"]
            words += ["--cap-drop=all", "--security-opt=no-new-privileges"]
        for variable in container.get("env", ()):
            words.append(f"--env={variable['name']}={_value(variable, pod)}")
            if variable["name"] == "PEERS":  # all of them are on this machine
                words += [f"--add-host={peer}:127.0.0.1" for peer in variable["value"].split(",")]
        for mount in container.get("volumeMounts", ()):
            words.append(f"--volume={files / mount['subPath']}:{mount['mountPath']}:ro")
        argv = (container["image"], *container.get("args", ()))
        self.told("create", f"--name={name}", *words, *argv)
        self.told("start", name)

    def ended(self, name: str) -> int:
        """Wait for a container; its exit code."""
        return int(self.told("wait", name))

    def stopped(self, name: str) -> None:
        """End a container as a kubelet does, if it runs."""
        subprocess.run(self.words("stop", "--time=3", name), capture_output=True, check=False)

    def emptied(self, names: Sequence[str]) -> None:
        """Remove containers."""
        for name in names:
            subprocess.run(
                self.words("rm", "--force", "--time=0", name), capture_output=True, check=False
            )


def _value(variable: dict[str, Any], pod: dict[str, Any]) -> str:
    if "value" in variable:
        return str(variable["value"])
    path = variable["valueFrom"]["fieldRef"]["fieldPath"]
    # metadata.annotations['KEY'] or metadata.labels['KEY']
    of, _, key = path.removeprefix("metadata.").partition("['")
    return str(pod["metadata"][of][key.removesuffix("']")])
