"""Finds libraries as the dynamic loader would, in the files of an image."""

import fnmatch
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from pdbuild.content import Content
from pdbuild.verify.elf import Elf, machines


class Loader:
    """The loader of an image whose environment is `env`."""

    def __init__(self, content: Content, elves: Mapping[str, Elf], env: Sequence[str] = ()) -> None:
        self._content, self._elves = content, elves
        values = dict(pair.partition("=")[::2] for pair in env)
        self._preferred = tuple(filter(None, values.get("LD_LIBRARY_PATH", "").split(":")))
        # The loader reads the cache alone, not the folders that it was made of.
        self._configured = tuple(_configured(content)) if content.find("/etc/ld.so.cache") else ()
        self._scopes: dict[str, tuple[Elf, ...]] = {}

    def library(self, name: str, elf: Elf) -> Elf | None:
        """The library that `elf` gets when it needs `name`."""
        folders = ("",) if "/" in name else self._folders(elf)
        for folder in folders:
            real = self._content.resolve(posixpath.join(folder, name))
            found = self._elves.get(real)
            if found and (found.machine, found.bits) == (elf.machine, elf.bits):
                return found
        return None

    def scope(self, elf: Elf) -> tuple[Elf, ...]:
        """The file and all libraries that are loaded with it, as far as there are any."""
        if elf.path not in self._scopes:
            found, waiting = {elf.path: elf}, [elf]
            while waiting:
                at = waiting.pop()
                for name in at.needed:
                    library = self.library(name, at)
                    if library and library.path not in found:
                        found[library.path] = library
                        waiting.append(library)
            self._scopes[elf.path] = tuple(found.values())
        return self._scopes[elf.path]

    def _folders(self, elf: Elf) -> Iterator[str]:
        for folder in elf.searched:
            yield expanded(folder, elf)
        yield from self._preferred
        yield from self._configured
        if platform := machines().get(elf.machine):
            for base in ("/lib", "/usr/lib"):
                yield f"{base}/{platform.triplet}"
        yield from ("/lib64", "/usr/lib64", "/lib", "/usr/lib")


def expanded(folder: str, elf: Elf) -> str:
    """A folder of RPATH or RUNPATH, as it is for this file."""
    origin = posixpath.dirname(elf.path)
    return folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)


def _configured(content: Content, path: str = "/etc/ld.so.conf") -> Iterator[str]:
    for line in content.read(path).decode(errors="replace").splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0] == "include":
            pattern = posixpath.join(posixpath.dirname(path), words[1])
            for entry in sorted(content, key=lambda e: e.path):
                if entry.path != path and fnmatch.fnmatch(entry.path, pattern):
                    yield from _configured(content, entry.path)
        elif words:
            yield words[0]
