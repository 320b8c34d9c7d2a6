"""The image that these tests run: busybox alone, made here, as an engine would export it."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

IMAGE = "localhost/tiny:0.1.0-cpu"


CONFIG = "application/vnd.oci.image.config.v1+json"


MANIFEST = "application/vnd.oci.image.manifest.v1+json"


TAR = "application/vnd.oci.image.layer.v1.tar"


APPLETS = "cat chmod echo env false head id kill ls printf ps pwd sh sleep stat touch true tty wc"


def busybox() -> Path:
    """A static busybox: that of the machine, or the one in Debian's package."""
    place = Path(tempfile.gettempdir(), "pdbuild-test-busybox")
    if not place.exists():
        with tempfile.TemporaryDirectory() as folder:
            for command in (["apt-get", "download", "busybox-static"], ["dpkg", "-x", "", "."]):
                command = [*command]
                if "" in command:
                    command[2] = next((str(p) for p in Path(folder).glob("*.deb")), "")
                done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
                if done.returncode:
                    pytest.skip(f"NOT RUN: no busybox-static to be had: {done.stderr!r}")
            shutil.copy(Path(folder, "bin/busybox"), place)
    return place


def layer(program: Path) -> bytes:
    """A root with busybox, in which /usr of the host can be mounted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def add(name: str, kind: bytes, *, mode: int = 0o755, link="", body=b"", owner=0) -> None:
            entry = tarfile.TarInfo(name)
            entry.uid = entry.gid = owner
            entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(body)
            tar.addfile(entry, io.BytesIO(body))

        for name in ("bin", "dev", "etc", "proc", "root", "sys", "usr"):
            add(name, tarfile.DIRTYPE)
        add("tmp", tarfile.DIRTYPE, mode=0o1777)
        for name in ("lib", "lib64"):
            add(name, tarfile.SYMTYPE, link=f"usr/{name}")
        add("etc/passwd", tarfile.REGTYPE, mode=0o644, body=b"root:x:0:0:root:/root:/bin/sh\n")
        # An owner that only a user with subordinate ids can give.
        add("etc/shadow", tarfile.REGTYPE, mode=0o640, owner=42)
        add("bin/busybox", tarfile.REGTYPE, body=program.read_bytes())
        for name in APPLETS.split():
            add(f"bin/{name}", tarfile.SYMTYPE, link="busybox")
    return buffer.getvalue()


def layout(root: Path, *, label: str) -> str:
    """An image as an engine exports it; its digest."""

    def put(data: object, media_type: str) -> dict[str, object]:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        name = sha256(raw).hexdigest()
        (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (root / "blobs/sha256" / name).write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(raw)}

    tar = put(layer(busybox()), TAR)
    config = {
        "os": "linux",
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "config": {"Env": ["PATH=/bin:/usr/bin"], "Cmd": ["sh"], "Labels": {"made": label}},
        "rootfs": {"type": "layers", "diff_ids": [tar["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(config, CONFIG),
        "layers": [tar],
    }
    entry = put(manifest, MANIFEST)
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return str(entry["digest"])
