"""Mount points are put back, and what was made for them is removed."""

import json
import os
import sys
from pathlib import Path

import pytest

from pdbuild.engine.buildah import runtime


@pytest.mark.parametrize("target", ["/src", "/var/lib/apt", "/größe/a b", "/" + "x" * 100])
def test_a_moved_mount_point_is_one_name_and_comes_back(target: str) -> None:
    moved = runtime.elsewhere(target)
    assert moved.count("/") == 1 and len(moved) < 256
    assert runtime.real(moved) == target


def test_what_would_be_too_long_for_a_name_stays() -> None:
    assert runtime.elsewhere("/" + "x" * 300) == "/" + "x" * 300
    assert runtime.real("/proc") == "/proc"


def test_inner_mounts_come_after_outer_ones_and_all_after_the_systems() -> None:
    targets = ["/a/b/c", "/run", "/a"]
    names = ["/proc", *map(runtime.elsewhere, targets), "/run/.containerenv"]
    config = {"mounts": [{"destination": name} for name in names]}
    runtime.put_back(config)
    made = [mount["destination"] for mount in config["mounts"]]
    assert made == ["/proc", "/run/.containerenv", "/run", "/a", "/a/b/c"]


def test_what_is_bound_keeps_the_flags_of_its_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        flags = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_RELATIME
        return os.statvfs_result((*real(path)[:8], flags, 255))

    monkeypatch.setattr(os, "statvfs", statvfs)

    def mounted(source: str, *options: str) -> list[str]:
        config = {"mounts": [{"destination": "/src", "source": source, "options": [*options]}]}
        runtime.keep_flags(config)
        found: list[str] = config["mounts"][0]["options"]  # type: ignore[assignment]
        return found

    assert mounted("/proc", "rbind", "ro") == ["rbind", "ro", "nosuid", "nodev", "noexec"]
    assert mounted("/proc", "bind", "nodev", "ro") == ["bind", "nodev", "ro", "nosuid", "noexec"]
    assert mounted("proc", "nosuid") == ["nosuid"]
    assert mounted("/no/such", "bind", "ro") == ["bind", "ro"]
    runtime.keep_flags({})


# Stands in for the container runtime: makes mount points as runc does, and a step's file.
FAKE = """\
#!{python}
import json, os, sys
from pathlib import Path
if "create" in sys.argv:
    config = json.loads(Path("{bundle}", "config.json").read_bytes())
    root = Path(config["root"]["path"])
    for mount in config["mounts"]:
        place = root / mount["destination"].strip("/")
        if mount["type"] == "file":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        else:
            place.mkdir(parents=True, exist_ok=True)
    (root / "made/by-step").write_text("x")
sys.exit(5 if "delete" in sys.argv else 0)
"""


def test_create_and_delete(tmp_path: Path) -> None:
    root, bundle, notes = (tmp_path / name for name in ("root", "bundle", "notes"))
    (root / "have/it").mkdir(parents=True)
    (root / "have/it/kept").write_text("k")
    (root / "link").symlink_to("have")
    os.utime(root, ns=(1, 1_000_000_000_123_456_789))
    bundle.mkdir()
    targets = {"/have/it": "folder", "/new/deep/file": "file", "/made": "folder",
               "/link/new": "folder"}  # fmt: skip
    mounts = [{"destination": runtime.elsewhere(t), "type": k} for t, k in targets.items()]
    mounts += [{"destination": name, "type": "folder"} for name in ("/dev", "/dev/pts")]
    config = {"root": {"path": str(root)}, "mounts": mounts}
    (bundle / "config.json").write_text(json.dumps(config))
    fake = tmp_path / "runc"
    fake.write_text(FAKE.format(python=sys.executable, bundle=bundle))
    fake.chmod(0o755)

    def call(*arguments: str) -> int:
        program = Path(runtime.__file__)
        argv = [sys.executable, "-I", "-S", program, fake, notes, *arguments]
        return os.spawnv(os.P_WAIT, sys.executable, [os.fspath(word) for word in argv])

    assert call("--root", "/x", "create", "--bundle", str(bundle), "name") == 0
    assert (root / "new/deep/file").exists()
    assert call("--root", "/x", "delete", "name") == 5
    assert not (root / "new").exists()
    assert (root / "made/by-step").read_text() == "x"
    assert (root / "have/it/kept").read_text() == "k"
    assert (root / "dev").is_dir()
    assert (root / "link").is_symlink()
    assert root.stat().st_mtime_ns == 1_000_000_000_123_456_789
    assert list(notes.iterdir()) == []
