"""What is carried to where there is no network: files by their content, in a folder or an archive.

    recipes/NAME.json     what recipe NAME needs: each file's place, checksum and size
    files/ab/abcd…        a file, named by the sha256 of its content; `.zst` when compressed

A file that is there whole is never written again, so what is carried twice with one change grows
by the change. An archive is a tar of the same names, which grows at its end; the last of a name
counts. Nothing is taken out of it that is not what its checksum says.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pdbuild import dirs, lacks, whole
from pdbuild.carried.boxes import Box, Folder, Tar
from pdbuild.carried.content import Content, File, Mount, described, parse, text
from pdbuild.errors import EngineError, UsageError

__all__ = ["VARIABLE", "Carried", "Content", "File", "Mount", "described", "here", "lacking"]

#: Names the folder or archive that everything is taken from, in the place of the network.
VARIABLE = "PDBUILD_OFFLINE"

_LEVEL = 3
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Carried:
    """What is in a folder, or in an archive `FILE.tar`."""

    path: Path

    def contents(self) -> tuple[Content, ...]:
        """What is there, by recipe. Raises UsageError for what `fetch` did not write."""
        if not self.path.exists():
            raise UsageError(f"there is no {self.path}", hint=f"pdbuild fetch --to {self.path}")
        box = self._box
        names = [name for name in box.names() if re.fullmatch(r"recipes/[^/]+\.json", name)]
        if not names:
            raise UsageError(
                f"{self.path} has nothing that `pdbuild fetch` collected",
                hint=f"pdbuild fetch --to {self.path}",
            )
        return tuple(parse(_read(box, name), self.path) for name in sorted(names))

    def of(self, project: str) -> Content | None:
        """What a project's recipe needs, when that was collected."""
        return next((c for c in self.contents() if c.project == project), None)

    def take(self, below: str, folder: Path) -> bool:
        """Write what belongs below a place to a folder; whether there was anything."""
        wanted = self.files(below)
        self.write(wanted, below, folder)
        return bool(wanted)

    def files(self, below: str) -> tuple[File, ...]:
        """What belongs below a place, whichever recipe needs it."""
        every = {f.place: f for content in self.contents() for f in content.files}
        return tuple(file for place, file in every.items() if place.startswith(f"{below}/"))

    def write(self, files: Iterable[File], below: str, folder: Path) -> None:
        """Write these files, which belong below a place, to a folder.

        Raises EngineError for one that is missing, or is not what its checksum says.
        """
        box = self._box
        for file in files:
            self._copy(box, file, _target(file, below, folder))

    def lend(self, files: Iterable[File], below: str, folder: Path) -> None:
        """As `write`, to a folder that is only read, and removed then.

        What is carried may be in it by another name, and what is there twice is one file: nothing
        is copied then, of hundreds of megabytes. Raises as `write`.
        """
        box = self._box
        lent: dict[str, Path] = {}
        for file in files:
            target = _target(file, below, folder)
            source = lent.get(file.stored) or self._own(box, file)
            if source is None or not _linked(source, target):
                self._copy(box, file, target)
            lent[file.stored] = target

    def add(self, content: Content, paths: Mapping[str, Path]) -> int:
        """Add what a recipe needs; `paths` are its files by their places. The new bytes.

        What was there of the same project stays, and is not needed for it any more; a file that was
        damaged is written again. Raises
        EngineError when the disk is full.
        """
        box = self._box
        there = set(box.names())
        listed, said = f"recipes/{content.project}.json", text(content).encode()
        files = {file.stored: file for file in content.files}
        new = [f for name, f in files.items() if name not in there or not _is_whole(box, f)]
        if not new and listed in there and _read(box, listed) == said:
            return 0
        before = _size(self.path)
        with lacks.room(self.path.absolute(), content.size), box.adding() as put:
            for file in new:
                with _packed(file, paths[file.place]) as packed:
                    put(file.stored, packed)
            with _scratch(said) as made:  # last: what it names is there then
                put(listed, made)
        return _size(self.path) - before

    @property
    def _box(self) -> Box:
        is_tar = self.path.suffix == ".tar" and not self.path.is_dir()
        return Tar(self.path) if is_tar else Folder(self.path)

    def _copy(self, box: Box, file: File, target: Path) -> None:
        with (
            self._named(file),
            lacks.room(target, file.size),
            whole.replacing(target) as new,
        ):
            with new.open("xb") as out:
                for chunk in _checked(box, file):
                    out.write(chunk)
            new.chmod(0o755 if file.runs else 0o644)

    def _own(self, box: Box, file: File) -> Path | None:
        """What is carried of a file, when that is a file of the same content; it was checked."""
        own = box.file(file.stored) if file.is_plain else None
        if own:
            with self._named(file):
                for _ in _checked(box, file):
                    pass
        return own

    @contextlib.contextmanager
    def _named(self, file: File) -> Iterator[None]:
        """Say which file it is that is damaged."""
        try:
            yield
        except _DamagedError as error:
            raise EngineError(
                f"{self.path}: {file.place} is missing or damaged: {error}",
                hint=f"where there is a network: pdbuild fetch --to {self.path}",
            ) from None


def here() -> Carried | None:
    """What everything is taken from in the place of the network, if there is such a thing."""
    named = os.environ.get(VARIABLE, "")
    return Carried(Path(named)) if named else None


def lacking(carried: Carried, what: str) -> EngineError:
    """That something has not been carried here."""
    return EngineError(
        f"{carried.path} does not have {what}, and there is no network to get it from",
        hint=f"where there is one: pdbuild fetch --to {carried.path}",
    )


class _DamagedError(Exception):
    """A file is missing, or not what its checksum says; the text says how."""


def _checked(box: Box, file: File) -> Iterator[bytes]:
    """The content of a file; its end is reached when that is what its checksum says."""
    import zstandard

    digest = hashlib.sha256()
    try:
        with contextlib.ExitStack() as held:
            read: IO[bytes] = held.enter_context(box.reading(file.stored))
            if file.stored.endswith(".zst"):
                read = held.enter_context(zstandard.ZstdDecompressor().stream_reader(read))
            while chunk := read.read(_CHUNK):
                digest.update(chunk)
                yield chunk
    except (KeyError, FileNotFoundError, ValueError, EOFError, zstandard.ZstdError) as error:
        raise _DamagedError(error) from None
    if digest.hexdigest() != file.sha256:
        raise _DamagedError("its sha256 is another")


def _target(file: File, below: str, folder: Path) -> Path:
    target = folder / file.place.removeprefix(f"{below}/")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _linked(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError:  # on another disk, or another's file
        return False
    return True


def _is_whole(box: Box, file: File) -> bool:
    try:
        for _ in _checked(box, file):
            pass
    except _DamagedError:
        return False
    return True


def _read(box: Box, name: str) -> bytes:
    with box.reading(name) as file:
        return file.read()


@contextlib.contextmanager
def _packed(file: File, path: Path) -> Iterator[Path]:
    """The file as it is stored."""
    if not file.stored.endswith(".zst"):
        yield path
        return
    import zstandard

    with _scratch(b"") as made:
        with path.open("rb") as plain, made.open("wb") as out:
            zstandard.ZstdCompressor(level=_LEVEL, threads=-1).copy_stream(plain, out)
        yield made


@contextlib.contextmanager
def _scratch(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir=dirs.cache_dir(), prefix="carried-") as made:
        made.write(content)
        made.flush()
        yield Path(made.name)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size if path.exists() else 0
