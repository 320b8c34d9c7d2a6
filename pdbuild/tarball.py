"""One spelling of a tar archive: versions of tar write the same files differently."""

from pathlib import Path

_BLOCK = 512
_DEVICES = slice(329, 345)  # devmajor and devminor, POSIX.1-2017 pax, "ustar Interchange Format"
_CHECKSUM = slice(148, 156)
_TYPE, _SIZE = 156, slice(124, 136)
_NO_DEVICE = b"0000000\0" * 2


def make_uniform(tarball: Path) -> None:
    """Write the device numbers of what is no device as zeros, in place.

    GNU tar does so up to 1.34; later it leaves the fields empty.
    """
    with tarball.open("r+b") as file:
        while len(block := file.read(_BLOCK)) == _BLOCK:
            if not any(block):
                continue  # the end
            if block[_TYPE : _TYPE + 1] not in (b"3", b"4"):
                uniform = _uniform(block)
                if uniform != block:
                    file.seek(-_BLOCK, 1)
                    file.write(uniform)
            size = _number(block[_SIZE])
            file.seek((size + _BLOCK - 1) // _BLOCK * _BLOCK, 1)


def _uniform(block: bytes) -> bytes:
    header = bytearray(block)
    header[_DEVICES] = _NO_DEVICE
    header[_CHECKSUM] = b" " * 8  # which is what it is counted with
    header[_CHECKSUM] = b"%06o\0 " % sum(header)
    return bytes(header)


def _number(field: bytes) -> int:
    """Octal digits, or GNU's base 256 for large ones."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field.rstrip(b"\0 ") or b"0", 8)
