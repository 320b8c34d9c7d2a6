"""Which file system a path is on, and the daemon's configuration."""

import tomllib
from pathlib import Path

import pytest

from pdbuild import mounts
from pdbuild.engine import place
from pdbuild.errors import EngineError

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /home rw - nfs4 server:/home rw
31 30 0:27 / /home/ann/scratch rw - xfs /dev/sdb rw
32 22 0:28 / /mnt/a\\040b rw - fuse.sshfs host:/ rw
33 22 0:29 / /over rw - nfs server:/over rw
34 33 0:30 / /over rw - ext4 /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/tmp", "ext4"),
        ("/home", "nfs4"),
        ("/home/ann", "nfs4"),
        ("/homes", "ext4"),
        ("/home/ann/scratch/x", "xfs"),
        ("/mnt/a b/c", "fuse.sshfs"),
        ("/over/x", "ext4"),
    ],
)
def test_filesystem(path: str, kind: str) -> None:
    assert mounts.filesystem(MOUNTS, path) == kind


def test_config_never_lets_layers_push_out_cache_mounts(tmp_path: Path) -> None:
    where = place.Place(folder=tmp_path, label="0.34")
    config = tomllib.loads(place.config(where, "overlayfs", Path("/usr/sbin/runc"), ""))
    worker = config["worker"]["oci"]
    assert worker["networkMode"] == "host"
    assert "insecure-entitlements" not in config
    layers, mounts = worker["gcpolicy"]
    assert layers["filters"] == ["type!=exec.cachemount"]
    assert mounts["filters"] == ["type==exec.cachemount"]
    assert int(mounts["maxUsedSpace"]) > int(layers["maxUsedSpace"]) > int(layers["reservedSpace"])


def test_the_existing_root_decides_the_snapshotter(tmp_path: Path) -> None:
    where = place.Place(folder=tmp_path, label="0.34")
    where.root("native").mkdir()
    assert place.choose_snapshotter(where, ["false"], {"PATH": "/bin:/usr/bin"}) == "native"


def test_a_lock_is_taken_once(tmp_path: Path) -> None:
    first = place.take(tmp_path / "lock")
    assert first is not None
    assert place.take(tmp_path / "lock") is None


def test_too_long_socket_paths_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_RUNTIME_DIR", str(tmp_path / ("x" * 80)))
    with pytest.raises(EngineError, match="too long") as caught:
        place.run_directory(place.Place(folder=tmp_path, label="0.34"))
    assert "PDBUILD_RUNTIME_DIR" in caught.value.hint
