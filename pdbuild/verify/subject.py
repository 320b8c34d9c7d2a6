"""What a check is given: an image, what is known of it, and what the recipe claims."""

import functools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pdbuild.content import Content
from pdbuild.errors import EngineError
from pdbuild.oci import Config
from pdbuild.recipe.tables.verify import Verify
from pdbuild.verify import elf, packages
from pdbuild.verify.elf import Elf
from pdbuild.verify.packages import Packages


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program that has ended: its exit code, 128 + n when signal n ended it, and its words."""

    code: int
    said: str


class Machine(Protocol):
    """Runs programs of an image."""

    def run(self, words: Sequence[str], *, cpu: str = "") -> Ran:
        """Run a command of the image, or a program of the project; on another CPU, if named.

        Raises EngineError when this host cannot do that; the message says why.
        """


class Linter(Protocol):
    """Looks at packages."""

    def of(self, debs: Sequence[Path]) -> tuple[str, ...]:
        """The lines about these packages, as lintian writes them. Raises EngineError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What of the machine that builds may be in no image.

    `secrets` are texts, each with what it is; `user` and `uid` are those of who builds, ""
    and 0 for root.
    """

    secrets: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    uid: int = 0


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One image of a variant.

    `texts` are the image's manifest and configuration as they stand; `version` is that of the
    source, as the program shows it, or "". `debs` are the files of the variant's packages.
    """

    reference: str
    project: str
    variant: str
    content: Content
    config: Config
    texts: Sequence[bytes] = ()
    claims: Verify = field(default_factory=Verify)
    version: str = ""
    budget: int = 0
    unpacked: int = 0
    debs: tuple[Path, ...] = ()
    builder: Builder = field(default_factory=Builder)
    machine: Machine | None = None
    linter: Linter | None = None

    @functools.cached_property
    def elves(self) -> dict[str, Elf]:
        """The ELF files by path."""
        return elf.all_of(self.content)

    @functools.cached_property
    def packages(self) -> Packages:
        """The package database."""
        return packages.read(self.content)

    @functools.cached_property
    def shipped(self) -> frozenset[str]:
        """The paths of what the project ships."""
        return self.packages.shipped(self.content, self.project)

    @functools.cached_property
    def own(self) -> tuple[Elf, ...]:
        """The ELF files that the project compiled."""
        return tuple(e for path, e in sorted(self.elves.items()) if path in self.shipped)

    def ran(self, line: str, *, cpu: str = "") -> Ran:
        """A command line of the recipe's, run in the image; its words with single blanks.

        Raises EngineError when programs are not run, and as `Machine.run` does.
        """
        if self.machine is None:
            raise EngineError("programs are not run")
        ended = self.machine.run(shlex.split(line), cpu=cpu)
        return replace(ended, said=" ".join(ended.said.split()))
