"""The engine without namespaces: trees, layers, what proot is told, and when it is chosen."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import dirs
from pdbuild.account import Account, Rung
from pdbuild.engine import caches, choice
from pdbuild.engine.proot import tidy, trees
from pdbuild.engine.proot.follow import followed
from pdbuild.engine.proot.steps import Stage, StepError
from pdbuild.engine.proot.trees import Made
from pdbuild.errors import EngineError
from pdbuild.plan.instructions import Bind, Cache, Copy, Run, Secret, Tmpfs, Workdir

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
    (tmp_path / "root").mkdir()
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
    assert {"HOME=/root", "LSAN_OPTIONS=detect_leaks=0"} <= set(words)
    assert words[-2:] == ["bash", "x"] and (tmp_path / "caches/apt-amd64").is_dir()


def test_a_copy_is_put_in_the_tree(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    stage = Stage(
        root=tmp_path / "root", source=lambda name, path: tree / path.strip("/"),
        caches=tmp_path, secrets={}, private={}, env={}, workdir="/work",
    )  # fmt: skip
    assert stage.put(Copy(stage="x", source="/usr/bin/tool", target="here"), None) is None
    assert (tmp_path / "root/work/here").read_text() == "tool"
    with pytest.raises(StepError, match="x has no /missing"):
        stage.put(Copy(stage="x", source="/missing", target="/"), None)
    # A folder to work in is a layer, as BuildKit's is; that of one that is there is empty.
    (tmp_path / "blobs").mkdir()
    for path, names in (("/work", []), ("/new/one", ["new", "new/one"])):
        layer = stage.put(Workdir(path=path), tmp_path / "blobs")
        assert layer and stage.workdir == path
        with tarfile.open(tmp_path / "blobs" / layer.digest[7:]) as tar:
            assert tar.getnames() == names
    assert trees.layer([], tmp_path / "blobs").digest == f"sha256:{sha256(bytes(1024)).hexdigest()}"


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


needs_proot = pytest.mark.skipif(not shutil.which("proot"), reason="NOT RUN: proot is missing")


def alive(folder: Path) -> list[str]:
    """The processes that were started below a folder and are still there."""
    found = []
    for file in folder.glob("*.pid"):
        status = Path("/proc", file.read_text().strip(), "stat")
        with contextlib.suppress(OSError):
            if status.read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(file.name)
    return found


# It says its id, goes on for a minute, and so does a child of its that nobody waits for.
SLEEPS = "sleep 60 & echo $! >{0}/child.pid; echo $$ >{0}/own.pid; echo began; sleep 60"


def by_proot(folder: Path) -> list[str]:
    return ["proot", "--rootfs=/", "bash", "-c", SLEEPS.format(folder)]


@needs_proot
def test_a_killed_proot_leaves_nothing_that_it_followed(tmp_path: Path) -> None:
    def kill(line: bytes) -> None:
        (leader,) = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _is_ours(p, tmp_path)]
        os.kill(leader, signal.SIGKILL)

    began = time.monotonic()
    assert followed(by_proot(tmp_path), kill) == -signal.SIGKILL
    assert time.monotonic() - began < 20 and not until(lambda: not alive(tmp_path))


@needs_proot
def test_who_starts_it_and_is_killed_leaves_nothing(tmp_path: Path) -> None:
    program = "import sys; from pdbuild.engine.proot.follow import followed; "
    program += "followed(sys.argv[1:], lambda line: print(line.decode(), flush=True))"
    with subprocess.Popen(
        [sys.executable, "-c", program, *by_proot(tmp_path)], stdout=subprocess.PIPE
    ) as ours:
        assert ours.stdout and ours.stdout.readline().strip() == b"began"
        assert sorted(alive(tmp_path)) == ["child.pid", "own.pid"]
        ours.kill()
    assert not until(lambda: not alive(tmp_path))


def _is_ours(process: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        words = (process / "cmdline").read_bytes()
        return words.startswith(b"proot\0") and str(folder).encode() in words
    return False


def until(done: Callable[[], bool]) -> bool:
    """Wait until it is so, ten seconds at most; whether it never was."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if done():
            return False
        time.sleep(0.05)
    return True


def test_a_commands_code_and_lines() -> None:
    lines: list[bytes] = []
    assert followed(["sh", "-c", "echo one; echo two >&2; exit 3"], lines.append) == 3
    assert lines == [b"one\n", b"two\n"]


def stage_of(folder: Path, name: str, stage: str, used: int, *layers: str) -> Path:
    made = folder / "trees" / name
    (made / "root/closed").mkdir(parents=True)
    (made / "root/closed/file").touch()
    (made / "root/closed").chmod(0o500)
    trees.record(Made(folder=made, stage=stage, layers=tuple(map(layer, layers))))
    os.utime(made / "made.json", (used, used))
    return made


def layer(name: str) -> trees.Blob:
    return trees.Blob(digest=f"sha256:{name}", size=1)


def test_of_a_stage_the_newest_trees_are_kept(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    for name in ("one", "two", "none"):
        (tmp_path / "blobs" / name).touch()
    oldest = stage_of(tmp_path, "a", "squares build", 1, "one")
    for number in (2, 3, 4, 5):
        stage_of(tmp_path, f"b{number}", "squares build", number, "two")
    stage_of(tmp_path, "other", "circles build", 1)
    tidy.keep_newest(tmp_path, {oldest})
    assert {path.name for path in (tmp_path / "trees").iterdir()} == {
        "a",
        "b3",
        "b4",
        "b5",
        "other",
    }
    assert {path.name for path in (tmp_path / "blobs").iterdir()} == {"one", "two"}
    (tmp_path / "step-x/closed").mkdir(parents=True)
    (tmp_path / "blobs/.partial-1").touch()
    tidy.after_a_kill(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"trees", "blobs"}
    assert len(list((tmp_path / "blobs").iterdir())) == 2


def test_prune_knows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path))
    assert tidy.find() == ()
    above = dirs.local_dir("proot")
    (above / "lock").touch()
    tree = stage_of(above, "a", "squares build", 1)
    (found,) = tidy.find()
    assert found.path == above / "trees" and found.lock == above / "lock"
    assert caches.remove([found]) > 0 and not tree.exists()


def test_only_what_others_read_is_kept_of_a_tree(tmp_path: Path) -> None:
    root = tmp_path / "a/root"
    for name in ("out/usr/tool", "symbols/tool", "etc/debian_version", "usr/bin/gcc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "bin").symlink_to("usr/bin")
    made = Made(folder=tmp_path / "a")
    assert tidy.only(made, None) == made == tidy.only(made, ("/out", "/"))
    assert tidy.only(made, ("/bin/gcc",)) == made and made.has(None)
    less = tidy.only(made, ("/out/usr/", "/out", "/etc/debian_version", "/missing"))
    left = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert left == ["etc/debian_version", "out/usr/tool"]
    trees.record(less)
    found = trees.read(tmp_path / "a")
    assert found == less
    assert less.has(("/out",)) and not less.has(("/symbols",)) and not less.has(None)


def test_what_changes_nothing_shares_a_tree(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    tree = stage_of(tmp_path, "a", "squares toolchain", 1)
    for number in (2, 3, 4):
        stage_of(tmp_path, f"b{number}", "squares toolchain", number)
    (tmp_path / "blobs/layer").touch()
    trees.record(Made(folder=tree, stage="squares toolchain", layers=(layer("layer"),)))
    os.utime(tree / "made.json", (1, 1))
    shared = Made(folder=tmp_path / "trees/c", stage="squares compile", shares="a")
    shared.folder.mkdir()
    trees.record(shared)
    assert shared.root == tree / "root" and trees.read(shared.folder) == shared
    tidy.keep_newest(tmp_path, ())
    assert tree.exists() and shared.folder.exists() and (tmp_path / "blobs/layer").exists()
    tidy.remove(tree)
    assert trees.read(shared.folder) is None


def test_a_layer_has_what_changes(tree: Path, tmp_path: Path) -> None:
    found = list(trees.pairs(tree, "/"))
    root = tmp_path / "root"
    root.mkdir()
    assert trees.changed(found, root) == found
    trees.put(found, root)
    assert trees.changed(found, root) == []
    os.utime(tree / "root", (2000, 2000))  # a folder's time alone
    assert trees.changed(found, root) == []
    (tree / "usr/bin/tool").write_text("tale")
    os.utime(tree / "usr/bin/tool", (1000, 1000))
    assert [name for _, name in trees.changed(found, root)] == ["usr", "usr/bin", "usr/bin/tool"]
    (tree / "bin").unlink()
    (tree / "bin").symlink_to("usr/bim")
    os.utime(tree / "bin", (1000, 1000), follow_symlinks=False)
    assert "bin" in [name for _, name in trees.changed(found, root)]
