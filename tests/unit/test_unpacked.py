"""Programs in an unpacked image: the tree, what proot is told, and what it cannot give."""

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from pdbuild import account, content
from pdbuild.account import Account, Rung, quash
from pdbuild.container import Container, Mount, charliecloud, host, runtimes, unpacked
from pdbuild.container.composed import compose
from pdbuild.content import Content, Layer
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Config
from pdbuild.transfer.unpack import unpack

CONFIG = Config(
    digest="", platform="linux/amd64", created="", labels={}, user="",
    env=("PATH=/usr/bin", "LANG=C.UTF-8"), entrypoint=("/entry",), cmd=("tool", "version"),
    workdir="/work",
)  # fmt: skip
NONE = Account(rung=Rung.C, why="the kernel's settings forbid it", hint="ask for: sysctl -w x=1")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/proot").write_text("#!/bin/sh\n")
    (tmp_path / "bin/proot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")


def files() -> Content:
    """An image with a folder, a program, a link and a device."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, kind, mode in (
            ("usr", tarfile.DIRTYPE, 0o755),
            ("usr/tool", tarfile.REGTYPE, 0o4755),
            ("root", tarfile.DIRTYPE, 0o700),
            ("bin", tarfile.SYMTYPE, 0o777),
            ("null", tarfile.CHRTYPE, 0o666),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = kind, mode, 1000
            entry.linkname = "usr" if kind == tarfile.SYMTYPE else ""
            entry.size = 4 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(b"text") if entry.size else None)
    held.seek(0)
    with tarfile.open(fileobj=held) as tar:
        layer = Layer("sha256:x", held.getvalue(), tuple(content.entries(tar)))
    return content.merged((layer,))


def test_a_tree_can_be_read_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "tree" / "root"
    root.parent.mkdir()
    unpack(files(), root)
    assert sorted(path.name for path in root.iterdir()) == ["bin", "root", "usr"]
    tool = root / "bin/tool"
    assert tool.read_bytes() == b"text" and tool.stat().st_mtime == 1000
    assert tool.stat().st_mode & 0o7777 == 0o555
    assert (root / "usr").stat().st_mode & 0o7777 == 0o555
    unpacked.remove(root.parent)
    assert not root.parent.exists()


def test_the_program_has_the_images_environment_and_its_own_tmp(tmp_path: Path) -> None:
    container = Container(
        image="x:1", argv=("a.py",), env=(("LANG", "C"), ("X", "a b")), workdir="/work",
        mounts=(Mount(source=tmp_path, target="/work"),),
    )  # fmt: skip
    words = unpacked.argv(container, CONFIG, tmp_path / "root", tmp_path / "scratch")
    assert words[1:6] == ["-I", quash.__file__, "new", "env", "-i"]
    proot = words.index(str(tmp_path / "bin/proot"))
    given = dict(word.split("=", 1) for word in words[6:proot])
    assert given["PATH"] == "/usr/bin" and given["LANG"] == "C" and given["X"] == "a b"
    assert given["HOME"] == "/tmp" and not {"USER", "PDBUILD_DATA_DIR"} & set(given)
    assert words[proot + 1] == f"--rootfs={tmp_path}/root"
    assert {f"--bind={tmp_path}:/work", f"--bind={tmp_path}/scratch:/tmp", "--bind=/proc"} <= set(
        words
    )
    assert words[-3:] == ["--cwd=/work", "/entry", "a.py"]
    plain = unpacked.argv(Container(image="x:1"), CONFIG, tmp_path, tmp_path)
    assert plain[-3:] == ["/entry", "tool", "version"]
    other = unpacked.argv(Container(image="x:1", entrypoint="sh"), CONFIG, tmp_path, tmp_path)
    assert other[-2:] == ["--cwd=/work", "sh"]


def test_what_it_cannot_give_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "find", lambda: NONE)
    asked = Container(
        image="x:1",
        devices=("nvidia.com/gpu=all", "/dev/null"),
        ports=("80:80",),
        network="private",
    )
    with pytest.raises(UsageError) as raised:
        unpacked.run(asked)
    assert "no --device nvidia.com/gpu=all, no port 80:80, no --network private" in str(
        raised.value
    )
    assert raised.value.hint == "ask for: sysctl -w x=1"
    with pytest.raises(UsageError, match="--detach"):
        runtimes.PROOT.start(Container(image="x:1"))
    shared = Mount(source=Path("/usr"), target="/usr", read_only=True)
    with pytest.raises(UsageError, match="by charliecloud there is no read-only /usr"):
        charliecloud.run(Container(image="x:1", mounts=(shared,)))
    assert runtimes.choose("proot", print).own_uid()


def test_without_namespaces_unshare_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "find", lambda: NONE)
    with pytest.raises(EngineError, match="--runtime unshare: the kernel's settings") as raised:
        runtimes.choose("unshare", print)
    assert raised.value.hint == NONE.hint


def test_what_runs_is_the_images_unless_it_is_said() -> None:
    inside = compose(Container(image="x:1", argv=("a.py",), env=(("LANG", "C"),)), CONFIG)
    assert inside.argv == ("/entry", "a.py") and inside.workdir == "/work"
    assert {"LANG=C", "PATH=/usr/bin", "HOME=/tmp"} <= set(inside.pairs)
    bare = compose(Container(image="x:1", entrypoint="sh"), replace(CONFIG, env=(), workdir=""))
    assert bare.argv == ("sh",) and bare.workdir == "/" and "/usr/bin" in bare.env["PATH"]


def test_it_is_taken_without_namespaces_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_podman() -> host.Host:
        raise EngineError("podman cannot work here")

    said: list[str] = []
    monkeypatch.setattr(host, "find", no_podman)
    monkeypatch.setattr("pdbuild.docker.find", lambda: None)
    monkeypatch.setattr(account, "find", lambda: NONE)
    assert runtimes.choose("", said.append) is runtimes.PROOT
    assert said == ["runtime: proot (podman cannot work here)"]

    def used_up() -> host.Host:
        raise EngineError("podman does not work here: cannot clone: No space left on device")

    monkeypatch.setattr(host, "find", used_up)
    assert runtimes.choose("", said.append) is runtimes.PROOT
    assert "all user namespaces" in said[1] and "No space left" not in said[1]
    monkeypatch.setattr(account, "find", lambda: Account(rung=Rung.B, why="one id"))
    with pytest.raises(EngineError, match="cannot clone"):
        runtimes.choose("", said.append)
    assert runtimes.choose("proot", said.append) is runtimes.PROOT
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(EngineError, match="proot is not installed") as raised:
        runtimes.choose("proot", said.append)
    assert "ask the administrator" in raised.value.hint
