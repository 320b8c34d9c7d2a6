"""What a recipe needs of what is carried, as values and as the text that says so."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pdbuild.errors import UsageError

_FORMAT = 1
# What does not get smaller.
_COMPRESSED = re.compile(r"\.(deb|whl|gz|xz|zst|bz2|zip|tgz)$")
# Nothing else is taken, whoever made it.
_PLACE = re.compile(r"(bases|engines|downloads|mounts)(/[A-Za-z0-9_][A-Za-z0-9_.+~%:-]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file: where it belongs, and what it is."""

    place: str
    sha256: str
    size: int
    runs: bool = False

    @property
    def stored(self) -> str:
        """Its name in a folder or archive."""
        suffix = "" if self.is_plain else ".zst"
        return f"files/{self.sha256[:2]}/{self.sha256}{suffix}"

    @property
    def is_plain(self) -> bool:
        """Whether it is stored as it is."""
        return bool(_COMPRESSED.search(self.place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A cache mount, which the files below `mounts/NUMBER/` belong to."""

    number: int
    id: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one recipe needs. `asked` are the targets that it was collected for."""

    project: str
    machine: str
    asked: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[File, ...] = field(default=(), repr=False)

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in self.files)


def described(paths: Mapping[str, Path]) -> tuple[File, ...]:
    """The files by their places, as they are now."""
    return tuple(_described(place, path) for place, path in sorted(paths.items()))


def _described(place: str, path: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    status = path.stat()
    return File(place=place, sha256=digest, size=status.st_size, runs=bool(status.st_mode & 0o100))


def text(content: Content) -> str:
    """What a recipe needs, as it is written."""
    return json.dumps({"format": _FORMAT, **asdict(content)}, indent=1) + "\n"


def parse(text: bytes, path: Path) -> Content:
    """What `text` gives, which is in `path`. Raises UsageError for anything else."""
    try:
        read = json.loads(text)
        if read.pop("format") != _FORMAT:
            raise ValueError("another pdbuild wrote it, whose format this one does not know")
        files = tuple(File(**file) for file in read.pop("files"))
        mounts = tuple(Mount(**mount) for mount in read.pop("mounts"))
        for file in files:
            if not _PLACE.fullmatch(file.place) or not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
                raise ValueError(f"{file.place!r} is in it")
        asked = tuple(read.pop("asked"))
        return Content(**read, asked=asked, files=files, mounts=mounts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what `pdbuild fetch` writes: {error}") from error
