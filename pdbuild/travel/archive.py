"""The file in which caches travel: a tar archive, compressed by zstd.

First comes `pdbuild-cache.json`, which says what is in it. No entry has a time or an owner, and
they come in one order: what holds the same is the same file.
"""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pdbuild import lacks, whole
from pdbuild.errors import UsageError

NAME = "pdbuild-cache.json"
_FORMAT = 1
# Nothing else is taken from an archive, whoever made it.
_WANTED = re.compile(
    r"(bases|engines|layers|mounts)(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)+",
)
_LEVEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A cache mount of an archive: `name` is its file in `mounts/`."""

    name: str
    id: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an archive says of itself: whose it is, and which parts it has."""

    project: str
    machine: str
    engine: str
    parts: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()


def write(out: Path, content: Content, files: Mapping[str, Path]) -> None:
    """Write an archive of these files, by their names in it.

    Its folder is made if it is not there. Raises EngineError when the disk is full; nothing is left
    of the archive then.
    """
    import zstandard

    out.absolute().parent.mkdir(parents=True, exist_ok=True)

    about = json.dumps({"format": _FORMAT, **asdict(content)}, indent=1).encode() + b"\n"
    size = sum(path.stat().st_size for path in files.values())
    with (
        lacks.room(out.absolute(), size // 4),
        whole.replacing(out.absolute()) as new,
        new.open("wb") as raw,
        # The bytes do not depend on how many threads there are, once there are some.
        zstandard.ZstdCompressor(level=_LEVEL, threads=-1).stream_writer(raw) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        _add(tar, NAME, io.BytesIO(about), len(about))
        for name, path in sorted(files.items()):
            with path.open("rb") as file:
                _add(tar, name, file, path.stat().st_size, 0o111 & path.stat().st_mode)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int, runs: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o755 if runs else 0o644
    tar.addfile(entry, file)


@contextmanager
def reading(path: Path) -> Iterator[tuple[Content, Callable[[Path], None]]]:
    """What an archive says of itself, and a function that unpacks it into a folder.

    Raises UsageError for what is no such archive, or is damaged.
    """
    import zstandard

    damaged = (tarfile.TarError, zstandard.ZstdError, ValueError, KeyError, TypeError, EOFError)
    try:
        with (
            path.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            content = _content(tar)
            yield content, lambda folder: _unpack(tar, folder)
    except damaged as error:
        raise UsageError(f"{path} is no archive of pdbuild's caches: {error}") from error
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise
        raise UsageError(f"there is no {path}") from None


def _content(tar: tarfile.TarFile) -> Content:
    first = tar.next()
    file = tar.extractfile(first) if first and first.name == NAME else None
    if file is None:
        raise ValueError(f"it does not begin with {NAME}")
    read = json.load(file)
    if read.pop("format") != _FORMAT:
        raise ValueError("another pdbuild wrote it, whose format this one does not know")
    read["mounts"] = tuple(Mount(**mount) for mount in read["mounts"])
    return Content(**read | {"parts": tuple(read["parts"])})


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    while member := tar.next():
        content = tar.extractfile(member) if member.isreg() else None
        if content is None or not _WANTED.fullmatch(member.name):
            raise ValueError(f"{member.name!r} is in it")
        place = folder / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        if member.mode & 0o100:
            place.chmod(0o755)
