"""A project's checkout that belongs to the test user, and pdbuild run in it as that user."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from .conftest import CHECKOUT, User, until_gone

# For what does not lie with the engine: the second one is asked now and then.
BUILDKIT_MOSTLY = ("buildkit", pytest.param("buildah", marks=pytest.mark.long))


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder of `user`'s, with the pdbuild that is used in it."""

    user: User
    root: Path
    program: Path

    def pdbuild(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run pdbuild here; its exit code is not checked."""
        argv = [self.program, *words]
        return self.user.run(argv, cwd=self.root, env=env, timeout=timeout)

    def start(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start pdbuild here, to be watched and signalled."""
        return self.user.start([self.program, *words], cwd=self.root, env=env, stderr=stderr)

    def succeeds(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run pdbuild here, which must succeed; what it printed."""
        done = self.pdbuild(*words, env=env, timeout=1200)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def bake(self, *words: str) -> dict[str, Any]:
        """Bake, which must succeed; its rows by target."""
        report = json.loads(self.succeeds("bake", "--json", *words))
        return {row["target"]: row for row in report["rows"]}

    def ran(self) -> list[str]:
        """The stages whose steps the last bake ran."""
        steps = json.loads(self.succeeds("log", "--json"))["steps"]
        return [
            s["stage"] for s in steps if s["instruction"].startswith("RUN") and s["state"] == "done"
        ]

    def runs(self, *argv: str, timeout: float = 300) -> str:
        """Run any command here as the user, which must succeed; what it printed."""
        done = self.user.run(argv, cwd=self.root, timeout=timeout)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def written(self, path: str, text: str) -> Path:
        """Write a file of the user's."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        give(self.user, file)
        return file


def checkout(user: User, python: Path, name: str) -> Project:
    """A clean clone of this checkout, the user's own."""
    root = user.home / name
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", CHECKOUT, root], check=True)
    give(user, root)
    return Project(user=user, root=root, program=python.parent / "pdbuild")


def sample(user: User, python: Path, recipe: str, name: str) -> Project:
    """A copy of one of tests/recipes, the user's own."""
    root = user.home / name
    shutil.copytree(CHECKOUT / "tests" / "recipes" / recipe, root)
    give(user, root)
    return Project(user=user, root=root, program=python.parent / "pdbuild")


def give(user: User, path: Path) -> None:
    """Make all of `path` belong to `user`."""
    subprocess.run(["chown", "-R", "-h", f"{user.name}:", path], check=True)


def mounts_below(folder: Path) -> list[str]:
    """Mount points below a folder, as the host sees them."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(os.fspath(folder))]


def held_locks(user: User) -> list[str]:
    """Lines of /proc/locks for files in the user's home and runtime directory."""
    inodes = {}
    for top in (user.home, Path(f"/tmp/pdbuild-{user.uid}")):
        for path in top.rglob("*.lock"):
            with contextlib.suppress(FileNotFoundError):  # ccache's are links to nowhere
                inodes[path.stat().st_ino] = str(path)
    held = []
    for line in Path("/proc/locks").read_text().splitlines():
        place = re.search(r"\b[0-9a-f]+:[0-9a-f]+:(\d+)\b", line)
        if place and int(place[1]) in inodes:
            held.append(f"{line} {inodes[int(place[1])]}")
    return held


def left_over(user: User) -> list[str]:
    """What is there beyond caches and outputs when all has ended, as it must within seconds:
    processes, mounts, held locks, scratch folders.
    """
    until_gone([int(line.split()[0]) for line in user.processes()], 20)
    found = [*user.processes(), *mounts_below(user.home), *held_locks(user)]
    scratch = [*Path(f"/tmp/pdbuild-{user.uid}").glob("tmp*")]
    scratch += Path("/var/tmp").glob(f"pdbuild-{user.uid}-base-*")
    scratch += (p for p in Path("/var/tmp").glob("mmdebstrap.*") if p.stat().st_uid == user.uid)
    return [*found, *map(str, scratch)]
