"""An image as a SIF file, which Apptainer and SingularityCE run: a header, and one squashfs.

The format is that of version 01 (github.com/sylabs/sif, pkg/sif): numbers are little-endian, and
what a file holds is told by descriptors of one size. Times and the identifier are those of the
image, so the same image gives the same bytes.
"""

import json
import shlex
import shutil
import struct
import tempfile
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pdbuild import lacks, whole
from pdbuild.errors import UsageError
from pdbuild.oci import Config
from pdbuild.store import Store
from pdbuild.transfer import filesystem, layouts

_LAUNCH = b"#!/usr/bin/env run-singularity\n"
_HEADER = struct.Struct("<32s10s3s3s16s8q")
_DESCRIPTOR = struct.Struct("<i?III3q4q128s384s")
_PARTITION_OF = struct.Struct("<ii3s")
_MACHINES = {"386": b"01", "amd64": b"02", "arm": b"03", "arm64": b"04", "ppc64le": b"06"}
_MACHINES |= {"s390x": b"11"}
_DESCRIPTORS, _FIRST, _PAGE = 48, 4096, 4096
_LABELS, _PARTITION = 0x4003, 0x4004
_SQUASHFS, _PRIMARY = 1, 2
_GROUP = 0xF0000001  # the first one
_AT_THE_TOP = "/.singularity.d"


def sif(store: Store, reference: str, out: Path, *, platform: str = "") -> None:
    """Write a stored image to `out`, as `filesystem.squashfs` does, and with its errors."""
    platform = layouts.chosen(store, reference, platform)
    config = store.config(reference, platform)
    machine = platform.split("/")[1]
    if machine not in _MACHINES:
        raise UsageError(f"--format=sif: the form has no number for {machine}")
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as folder:
        files = Path(folder, "files")
        filesystem.squashfs(store, reference, files, platform=platform, more=_added(config))
        size = files.stat().st_size
        with lacks.room(out.absolute(), size), whole.replacing(out.absolute()) as new:
            _write(new, files, config, _MACHINES[machine])
            new.chmod(0o755)  # it is a program where run-singularity is


def _write(out: Path, files: Path, config: Config, machine: bytes) -> None:
    labels = json.dumps(dict(sorted(config.labels.items()))).encode()
    when = _time(config)
    start = _up(_FIRST + _DESCRIPTORS * _DESCRIPTOR.size)
    there = _up(start + len(labels))
    size = files.stat().st_size
    # The file system begins at a page: it is mounted from there.
    objects = (
        (_LABELS, start, len(labels), b"labels.json", b""),
        (_PARTITION, there, size, b"", _PARTITION_OF.pack(_SQUASHFS, _PRIMARY, machine)),
    )
    end, after = there + size, _FIRST + _DESCRIPTORS * _DESCRIPTOR.size
    name = uuid.uuid5(uuid.NAMESPACE_URL, config.digest).bytes
    counts = (_DESCRIPTORS - len(objects), _DESCRIPTORS, _FIRST, after - _FIRST)
    header = _HEADER.pack(
        *(_LAUNCH, b"SIF_MAGIC", b"01", machine, name, when, when),
        *(*counts, after, end - after),
    )
    with out.open("wb") as file, files.open("rb") as source:
        file.write(header)
        file.seek(_FIRST)
        before = after
        for number, (kind, offset, length, called, extra) in enumerate(objects, 1):
            places = (offset, length, offset + length - before)
            before = offset + length
            ours = (kind, True, number, _GROUP, 0, *places, when, when, 0, 0, called, extra)
            file.write(_DESCRIPTOR.pack(*ours))
        file.seek(start)
        file.write(labels)
        file.seek(there)
        shutil.copyfileobj(source, file, 1 << 20)


def _up(offset: int) -> int:
    """The next beginning of a page."""
    return -(-offset // _PAGE) * _PAGE


def _time(config: Config) -> int:
    """When the image was made, in seconds; 0 when it does not say."""
    try:
        return max(0, int(datetime.fromisoformat(config.created).timestamp()))
    except ValueError:
        return 0


def _added(config: Config) -> Mapping[str, bytes]:
    """The files by which these programs give an image its environment and its command."""
    lines = ["#!/bin/sh", *(_export(pair) for pair in config.env)]
    start = shlex.join(config.entrypoint)
    always = shlex.join(config.cmd)
    run = [
        "#!/bin/sh",
        f'if [ $# -gt 0 ]; then exec {start} "$@"; fi',
        f"exec {start} {always}" if start or always else "exec /bin/sh",
    ]
    texts = {"env/10-docker2singularity.sh": lines, "runscript": run}
    texts |= {"env/99-base.sh": ["#!/bin/sh"]}  # behind this one they put what the caller sets
    return {f"{_AT_THE_TOP}/{n}": ("\n".join(t) + "\n").encode() for n, t in texts.items()}


def _export(pair: str) -> str:
    """A variable of the image, where the caller has not set it."""
    name, _, value = pair.partition("=")
    if name == "PATH":  # theirs is of another machine
        return f"export PATH={shlex.quote(value)}"
    return f'[ -n "${{{name}+x}}" ] || export {name}={shlex.quote(value)}'
