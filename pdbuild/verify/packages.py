"""The package database of an image, as dpkg and scanners read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pdbuild.content import Content

STATUS = "/var/lib/dpkg/status"
INFO = "/var/lib/dpkg/info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An installed package; `fields` are all of its fields, `files` the paths in its list."""

    name: str
    version: str
    architecture: str
    source: str
    status: str
    fields: Mapping[str, str]
    files: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """All of an image. `owners` says of which package each path is; `listed` whether every
    package has a list of its files.
    """

    all: tuple[Package, ...]
    owners: Mapping[str, str]
    listed: bool

    def of(self, project: str) -> tuple[Package, ...]:
        """The packages that were made of a project."""
        return tuple(p for p in self.all if project in (p.source, p.name))

    def shipped(self, content: Content, project: str) -> frozenset[str]:
        """The paths of what a project ships.

        They are in its packages. Without any, they are what the topmost layer adds.
        """
        own = self.of(project)
        if not own:
            return frozenset(
                e.path for e in content if content.top(e.path) and e.path not in self.owners
            )
        names = {package.name for package in own}
        return frozenset(path for path, owner in self.owners.items() if owner in names)


def read(content: Content) -> Packages:
    """The database of an image; empty when it has none."""
    from debian.deb822 import Deb822

    text = content.read(STATUS).decode(errors="replace")
    found = []
    for paragraph in Deb822.iter_paragraphs(text.splitlines(keepends=True)):
        name = str(paragraph.get("Package", ""))
        found.append(
            Package(
                name=name,
                version=str(paragraph.get("Version", "")),
                architecture=str(paragraph.get("Architecture", "")),
                source=str(paragraph.get("Source", name)).split(" ")[0],
                status=str(paragraph.get("Status", "")),
                fields=dict(paragraph.items()),
                files=_files(content, name, str(paragraph.get("Architecture", ""))),
            )
        )
    owners = {path: package.name for package in found for path in package.files}
    listed = all(package.files for package in found)
    return Packages(all=tuple(found), owners=owners, listed=bool(found) and listed)


def _files(content: Content, name: str, architecture: str) -> frozenset[str]:
    for stem in (name, f"{name}:{architecture}"):
        text = content.read(f"{INFO}/{stem}.list").decode(errors="surrogateescape")
        if text:
            return frozenset(map(merged_path, text.splitlines()))
    return frozenset()


def merged_path(path: str) -> str:
    """Packages of before the merge of / and /usr have paths that are links now."""
    return re.sub(r"^/(bin|sbin|lib|lib64|lib32|libx32)(?=/)", r"/usr/\1", path)
