"""A stage's instructions in its tree: what proot is told, and what is copied."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from pdbuild import tools
from pdbuild.account import quash
from pdbuild.engine.proot import trees
from pdbuild.engine.proot.trees import Blob
from pdbuild.plan.instructions import Bind, Cache, Copy, Run, Secret, Tmpfs, Workdir

# Who searches for leaks must follow the program himself, and gives up where proot does that.
_ALWAYS = {"HOME": "/root", "LSAN_OPTIONS": "detect_leaks=0"}
_HOSTS = ("/proc", "/dev", "/sys", "/etc/resolv.conf", "/etc/hosts")


class StepError(Exception):
    """A step failed; the text says how."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """A stage while it is made. `source` gives the place of a path of another stage, a named
    context or the source (""). `caches` are where cache mounts are, `secrets` files by their ids,
    `private` the texts of others.
    """

    root: Path
    source: Callable[[str, str], Path]
    caches: Path
    secrets: Mapping[str, str]
    private: Mapping[str, str]
    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"

    def expanded(self, text: str) -> str:
        """The text with variables in it."""
        return Template(text).safe_substitute(self.args | self.env)

    def command(self, run: Run, scratch: Path) -> list[str]:
        """The command line of a step; `scratch` is for what lives as long as it."""
        binds = [path for path in _HOSTS if Path(path).exists()]
        binds += [f"{place}:{mount.target}" for mount, place in self._mounts(run, scratch)]
        binds += [
            f"{place}:/run/secrets/{mount.id}"
            for mount in run.mounts
            if isinstance(mount, Secret) and (place := self._secret(mount.id, scratch))
        ]
        (scratch / "proot").mkdir()
        return [
            *(sys.executable, "-I", str(Path(quash.__file__)), "new"),
            *("env", "-i", f"PROOT_TMP_DIR={scratch / 'proot'}"),
            *(f"{name}={value}" for name, value in (_ALWAYS | self.env | self.args).items()),
            *(str(tools.require("proot", reason="run steps").path), "-0", f"--rootfs={self.root}"),
            *(f"--bind={bind}" for bind in binds),
            f"--cwd={self.workdir}",
            *run.argv,
        ]

    def put(self, what: Copy | Workdir, blobs: Path | None) -> Blob | None:
        """Put files, or the folder that is worked in, into the tree; with `blobs`, also make a
        layer of what is new there, which may be nothing. Raises StepError for what is not there.
        """
        found = self._entered(what.path) if isinstance(what, Workdir) else self._copied(what)
        return trees.layer(found, blobs) if blobs else None

    def _copied(self, copy: Copy) -> list[tuple[Path, str]]:
        source, target = self.source(copy.stage, copy.source), self.expanded(copy.target)
        if not target.startswith("/"):
            target = f"{self.workdir.rstrip('/')}/{target}"
        if not os.path.lexists(source):
            raise StepError(f"{copy.stage or 'the source'} has no {copy.source}")
        found = list(trees.pairs(source, target))
        new = trees.changed(found, self.root)
        trees.put(found, self.root)
        return new

    def _entered(self, path: str) -> list[tuple[Path, str]]:
        self.workdir = path
        place = self.root / path.strip("/")
        if place.is_dir():
            return []
        place.mkdir(parents=True)
        os.utime(place, (0, 0))
        return [(place, path.strip("/"))]

    def _mounts(self, run: Run, scratch: Path) -> Iterator[tuple[Bind | Cache | Tmpfs, Path]]:
        for mount in run.mounts:
            if isinstance(mount, Bind):
                yield mount, self.source(mount.stage, mount.source)
            elif isinstance(mount, Cache):
                place = self.caches / self.expanded(mount.id)
                place.mkdir(parents=True, exist_ok=True)
                yield mount, place
            elif isinstance(mount, Tmpfs):
                yield mount, Path(tempfile.mkdtemp(dir=scratch))

    def _secret(self, name: str, scratch: Path) -> Path | None:
        if name in self.secrets:
            return Path(self.secrets[name])
        if name not in self.private:
            return None
        path = scratch / f"secret-{name}"
        path.touch(mode=0o600)
        path.write_text(self.private[name])
        return path
