"""The engine without namespaces: trees, layers, what proot is told, and when it is chosen."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from pdbuild.account import Account, Rung
from pdbuild.engine import choice
from pdbuild.engine.proot import trees
from pdbuild.engine.proot.steps import Stage
from pdbuild.engine.proot.trees import Made
from pdbuild.errors import EngineError
from pdbuild.plan.instructions import Bind, Cache, Copy, Run, Secret, Tmpfs

NONE = Account(rung=Rung.C, why="forbidden", hint="ask for: sysctl -w x=1")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a program, a link, and a folder that is nobody else's."""
    made = tmp_path / "tree"
    (made / "usr/bin").mkdir(parents=True)
    (made / "usr/bin/tool").write_text("tool")
    (made / "usr/bin/tool").chmod(0o755)
    (made / "bin").symlink_to("usr/bin")
    (made / "root").mkdir(mode=0o700)
    for path in (made / "usr/bin/tool", made / "usr/bin", made / "usr", made / "root"):
        os.utime(path, (1000, 1000))
    os.utime(made / "bin", (1000, 1000), follow_symlinks=False)
    return made


def test_the_same_files_are_the_same_layer(tree: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    root = tmp_path / "copied"
    root.mkdir()
    found = list(trees.pairs(tree, "/"))
    trees.put(found, root)
    one = trees.layer(found, blobs)
    two = trees.layer(trees.everything(root), blobs)
    assert one == two and [path.name for path in blobs.iterdir()] == [one.digest[7:]]
    with tarfile.open(blobs / one.digest[7:]) as tar:
        entries = {m.name: (m.type, m.mode, m.mtime, m.uid, m.gid, m.linkname) for m in tar}
    assert entries == {
        "bin": (tarfile.SYMTYPE, 0o777, 1000, 0, 0, "usr/bin"),
        "root": (tarfile.DIRTYPE, 0o700, 1000, 0, 0, ""),
        "usr": (tarfile.DIRTYPE, 0o755, 1000, 0, 0, ""),
        "usr/bin": (tarfile.DIRTYPE, 0o755, 1000, 0, 0, ""),
        "usr/bin/tool": (tarfile.REGTYPE, 0o755, 1000, 0, 0, ""),
    }


def test_a_copy_goes_where_copy_says(tree: Path) -> None:
    tool = tree / "usr/bin/tool"
    assert list(trees.pairs(tool, "/opt/")) == [(tool, "opt/tool")]
    assert list(trees.pairs(tool, "/opt/mine")) == [(tool, "opt/mine")]
    assert [name for _, name in trees.pairs(tree / "usr", "/x/")] == ["x", "x/bin", "x/bin/tool"]


def test_what_is_made_is_known_when_it_is_finished(tmp_path: Path) -> None:
    made = Made(folder=tmp_path, env={"A": "b"}, config={"Cmd": ["x"]}, layers=None)
    assert trees.read(tmp_path) is None
    trees.record(made)
    assert trees.read(tmp_path) == made
    assert "folder" not in json.loads((tmp_path / "made.json").read_text())


def test_a_step_sees_its_mounts_and_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proot").write_text("#!/bin/sh\n")
    (tmp_path / "proot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    stage = Stage(
        root=tmp_path / "root",
        source=lambda name, path: tmp_path / (name or "source") / path.strip("/"),
        caches=tmp_path / "caches",
        secrets={"ca": "/host/ca"},
        private={"network": "A=b"},
        env={"PATH": "/opt/bin:/usr/bin"},
        args={"TARGETARCH": "amd64"},
        workdir="/src",
    )
    mounts = (
        Bind(stage="hooks", source="/build", target="/run/hooks/build"),
        Bind(source="sub", target="/src"),
        Cache(id="apt-$TARGETARCH", target="/run/apt/cache"),
        Tmpfs(target="/tmp"),
        Secret(id="ca"),
        Secret(id="network"),
        Secret(id="other"),
    )
    words = stage.command(Run(argv=("bash", "x"), mounts=mounts), scratch)
    binds = [word.removeprefix("--bind=") for word in words if word.startswith("--bind=")]
    assert f"{tmp_path}/hooks/build:/run/hooks/build" in binds
    assert f"{tmp_path}/source/sub:/src" in binds
    assert f"{tmp_path}/caches/apt-amd64:/run/apt/cache" in binds
    assert "/host/ca:/run/secrets/ca" in binds
    assert not any("secrets/other" in bind for bind in binds)
    (secret,) = (bind.partition(":")[0] for bind in binds if bind.endswith("/network"))
    assert Path(secret).read_text() == "A=b" and Path(secret).stat().st_mode & 0o077 == 0
    assert {"PATH=/opt/bin:/usr/bin", "TARGETARCH=amd64", "-0", "--cwd=/src"} <= set(words)
    assert words[-2:] == ["bash", "x"] and (tmp_path / "caches/apt-amd64").is_dir()


def test_a_copy_is_put_in_the_tree(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    stage = Stage(
        root=tmp_path / "root", source=lambda name, path: tree / path.strip("/"),
        caches=tmp_path, secrets={}, private={}, env={}, workdir="/work",
    )  # fmt: skip
    assert stage.copy(Copy(stage="x", source="/usr/bin/tool", target="here"), None) is None
    assert (tmp_path / "root/work/here").read_text() == "tool"


def test_it_is_chosen_without_namespaces_alone() -> None:
    names = ("buildkit", "buildah", "proot")
    assert choice.choose(NONE, names, lambda name: None).engine == "proot"
    many = Account(rung=Rung.A, why="many")
    missing = EngineError("not here", hint="install it")
    with pytest.raises(EngineError, match="no engine can build here"):
        choice.choose(many, names, lambda name: None if name == "proot" else missing)
    with pytest.raises(EngineError, match="forbidden") as raised:
        choice.choose(NONE, names, lambda name: missing)
    assert "sysctl -w x=1; or for: apt install proot" in raised.value.hint
    assert choice.refusal("proot", NONE) is None and choice.refusal("buildah", NONE)
