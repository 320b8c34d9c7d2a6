"""The same archive from every version of tar: only the fields that differ are written anew."""

import io
import tarfile
from pathlib import Path

import pytest

from pdbuild.tarball import make_uniform

ZEROS = b"0000000\0" * 2


def archive(path: Path, devices: bytes) -> None:
    """An archive as GNU tar writes it: `devices` in the fields of what is no device."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, size in (("small", 5), ("n" * 120, 700), ("empty", 0)):
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, io.BytesIO(b"x" * size))
        device = tarfile.TarInfo("null")
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3
        tar.addfile(device)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "small"
        tar.addfile(link)
    data = bytearray(path.read_bytes())
    place = 0
    while any(data[place : place + 512]):
        size = int(data[place + 124 : place + 135], 8)
        if data[place + 156 : place + 157] != b"3":
            data[place + 329 : place + 345] = devices
            data[place + 148 : place + 156] = b" " * 8
            total = sum(data[place : place + 512])
            data[place + 148 : place + 156] = b"%06o\0 " % total
        place += 512 + (size + 511) // 512 * 512
    path.write_bytes(data)


@pytest.mark.parametrize("devices", [ZEROS, bytes(16)], ids=["tar 1.34", "tar 1.35"])
def test_the_bytes_do_not_depend_on_tar(devices: bytes, tmp_path: Path) -> None:
    expected, path = tmp_path / "expected.tar", tmp_path / "some.tar"
    archive(expected, ZEROS)
    archive(path, devices)
    make_uniform(path)
    assert path.read_bytes() == expected.read_bytes()
    with tarfile.open(path) as tar:  # which checks the checksums
        assert [m.name for m in tar] == ["small", "n" * 120, "empty", "null", "link"]
        null = tar.getmember("null")
        assert (null.devmajor, null.devminor) == (1, 3)
