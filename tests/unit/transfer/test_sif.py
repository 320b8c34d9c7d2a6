"""SIF files: what is where in them, and the same bytes each time."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.oci import Config
from pdbuild.store import Store
from pdbuild.transfer import sif
from pdbuild.transfer.archives import save

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small

IMAGE = "localhost/x:1"
pytestmark = pytest.mark.skipif(
    not shutil.which("mksquashfs"), reason="NOT RUN: no mksquashfs on this host"
)


@pytest.fixture
def store(own_places: Path) -> Store:
    store = Store(own_places / "store")
    small.image(store, own_places / "made", IMAGE, b"program")
    return store


def saved(store: Store, out: Path) -> bytes:
    save(store, [IMAGE], "sif", out, platform="linux/arm64")
    return out.read_bytes()


def test_it_is_the_same_each_time_and_has_the_files(store: Store, tmp_path: Path) -> None:
    data = saved(store, tmp_path / "one.sif")
    assert data == saved(store, tmp_path / "two.sif")
    assert data.startswith(b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\x0001\x0004\0")
    free, total, first, _, _, length = struct.unpack_from("<6q", data, 80)
    assert (free, total, first) == (46, 48, 4096)
    found = []
    for number in range(total - free):
        entry = struct.unpack_from("<i?III3q4q128s384s", data, first + number * 585)
        found.append((entry[0], entry[5], entry[6]))
    (labels, at, size), (partition, there, long) = found
    assert (labels, partition) == (0x4003, 0x4004)
    assert data[at : at + size] == b'{"title": "localhost/x:1"}'
    assert there % 4096 == 0 and there + long == len(data) == 4096 + 48 * 585 + length
    (tmp_path / "files").write_bytes(data[there:])
    listed = subprocess.run(
        ["unsquashfs", "-l", tmp_path / "files"], capture_output=True, text=True, check=True
    ).stdout
    for name in (small.named(b"arm64"), small.named(b"program"), ".singularity.d/runscript"):
        assert f"squashfs-root/{name}\n" in listed
    assert small.named(b"amd64") not in listed


def ran(config: Config, tmp_path: Path, *words: str, **env: str) -> str:
    """What the image's command prints, in its environment."""
    files = dict(sif._added(config))
    for name in ("runscript", "env/10-docker2singularity.sh"):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(files[f"/.singularity.d/{name}"])
    script = f'. {tmp_path}/env/*.sh; exec sh {tmp_path}/runscript "$@"'
    argv = ["sh", "-c", script, "sh", *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def test_the_environment_and_the_command_are_the_images(tmp_path: Path) -> None:
    config = Config(
        digest="sha256:1", platform="linux/amd64", created="", labels={},
        env=("PATH=/usr/bin:/bin", "A=it's", "B=two words"),
        entrypoint=("printenv",), cmd=("A",), workdir="", user="",
    )  # fmt: skip
    assert ran(config, tmp_path) == "it's\n"
    assert ran(config, tmp_path, "B") == "two words\n"
    assert ran(config, tmp_path, "B", B="mine") == "mine\n"
    assert ran(config, tmp_path, "PATH", PATH="/bin") == "/usr/bin:/bin\n"


def test_what_the_form_has_no_number_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sif, "_MACHINES", {"amd64": b"02"})
    with pytest.raises(UsageError, match="no number for arm64"):
        saved(store, Path(store.path.parent, "x.sif"))
