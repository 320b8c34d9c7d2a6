"""kube-apiserver and kube-controller-manager: compiled once from Go modules, minutes, and kept.

etcd is Debian's (`etcd-server`), and so is kubectl (`kubernetes-client`), where none is on PATH.
Both are unpacked and not installed: the first would be started as a service, the second collides
with the kubectl of others.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from packages import unpacked

from pdbuild.locks import alone

_HERE = Path(__file__).parent
#: Where other tests keep programs, too.
_KEPT = Path("/var/tmp/pdbuild-tests")
_CACHE = _KEPT / "go"
_PROGRAMS = ("kube-apiserver", "kube-controller-manager")


def folder() -> Path:
    """Where the programs of these modules are, or will be."""
    found = re.search(r"k8s\.io/kubernetes (v\S+)", (_HERE / "go.mod").read_text())
    assert found
    digest = hashlib.sha256((_HERE / "go.sum").read_bytes()).hexdigest()[:8]
    return _KEPT / f"kubernetes-{found[1]}-{digest}"


def are_there() -> bool:
    """Whether all have been made."""
    return folder().is_dir()


def made() -> Path:
    """A folder with all programs; they are compiled and unpacked if they are not there."""
    final = folder()
    _KEPT.mkdir(exist_ok=True)
    with alone(_KEPT / "kubernetes.lock"):
        if not final.exists():
            partial = unpacked(
                final, "bookworm", "etcd-server,kubernetes-client", "./usr/bin/etcd",
                "./usr/bin/kubectl",
            )  # fmt: skip
            for name in _PROGRAMS:
                _compile(name, partial / "usr/bin")
            shutil.rmtree(_CACHE, ignore_errors=True)  # two gigabytes
            partial.rename(final)
    return final / "usr/bin"


def _compile(name: str, place: Path) -> None:
    """One after the other: each takes gigabytes of memory, and both share most of the packages."""
    go = shutil.which("go")
    assert go, "kube-apiserver is compiled by Go: put one on PATH"
    own = {"GOPATH": _CACHE, "GOMODCACHE": _CACHE / "mod", "GOCACHE": _CACHE / "build"}
    subprocess.run(
        ["nice", go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
         "-o", place / name, f"k8s.io/kubernetes/cmd/{name}"],
        cwd=_HERE, check=True,
        env=os.environ | {key: str(value) for key, value in own.items()}
        | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"},
    )  # fmt: skip
