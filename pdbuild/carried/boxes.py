"""Where carried files are: names in a folder, or in a tar archive, which grows at its end."""

import contextlib
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from pdbuild import whole
from pdbuild.errors import UsageError


class Box(Protocol):
    """The names in a folder, or in an archive."""

    def names(self) -> Iterable[str]: ...

    def reading(self, name: str) -> AbstractContextManager[IO[bytes]]: ...

    def file(self, name: str) -> Path | None:
        """The file that is what is under a name, if it is one of its own."""

    def adding(self) -> AbstractContextManager[Callable[[str, Path], None]]: ...


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path

    def names(self) -> Iterable[str]:
        for top in ("recipes", "files"):
            for found in (self.path / top).rglob("*"):
                if not found.name.startswith("."):
                    yield str(found.relative_to(self.path))

    def reading(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return (self.path / name).open("rb")

    def file(self, name: str) -> Path | None:
        return self.path / name

    @contextlib.contextmanager
    def adding(self) -> Iterator[Callable[[str, Path], None]]:
        def put(name: str, path: Path) -> None:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole.replacing(target) as new:
                shutil.copyfile(path, new)

        yield put


@dataclass(frozen=True, slots=True)
class Tar:
    path: Path

    def names(self) -> Iterable[str]:
        if self.path.exists():
            with self._opened() as tar:
                yield from dict.fromkeys(tar.getnames())  # the last of a name counts

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        with self._opened() as tar:
            found = tar.extractfile(name)  # KeyError when it is not there
            if found is None:
                raise KeyError(name)
            yield found

    def file(self, name: str) -> Path | None:
        return None

    @contextlib.contextmanager
    def adding(self) -> Iterator[Callable[[str, Path], None]]:
        self.path.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(self.path, "a" if self.path.exists() else "w") as tar:

            def put(name: str, path: Path) -> None:
                entry = tarfile.TarInfo(name)
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(entry, file)

            yield put

    def _opened(self) -> tarfile.TarFile:
        try:
            return tarfile.open(self.path, "r:")
        except (tarfile.TarError, OSError) as error:
            raise UsageError(f"{self.path} is no tar archive: {error}") from error
