"""`kill -9` of any process of a bake, at random moments, with either engine.

A few moments of a small project; with `--long` fifty of the example. What was hit is printed.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import User
from .project import BUILDKIT_MOSTLY, Project, checkout, left_over, sample

ENGINES = ("buildkit", "buildah")

# What must have been hit among fifty.
PROGRAMS = {
    "buildkit": {"pdbuild", "supervisor", "buildkitd", "buildx", "rootlesskit"},
    "buildah": {"pdbuild", "buildah", "unshare"},
}


def name_of(line: str) -> str:
    """The program in a line of `User.processes`."""
    words = line.split()[1:]
    if any(word.endswith("/supervisor.py") for word in words):
        return "supervisor"
    if any(word.endswith("/bin/pdbuild") for word in words[:2]):
        return "pdbuild"
    return os.path.basename(words[0]) if words else "(ended)"  # noqa: PTH119


class Killing:
    """A project, one file of which is edited before each bake; and what was hit so far."""

    def __init__(self, project: Project, engine: str, *targets: str, source: str) -> None:
        self.project = project
        self._file = project.root / source
        self._text = self._file.read_text()
        self._words = ("bake", *targets, f"--engine={engine}")
        self.hit: Counter[str] = Counter()

    def edit(self, marker: str) -> None:
        line = f'\n__attribute__((used)) static const char moment[] = "{marker}";\n'
        self._file.write_text(self._text + line)

    def bake(self) -> float:
        """Bake to the end; the seconds it took."""
        began = time.monotonic()
        self.project.succeeds(*self._words, "--progress=plain")
        return time.monotonic() - began

    def strike(self, after: float, chance: random.Random) -> str:
        """Start a bake and kill one program of it `after` so many seconds; its name."""
        process = self.project.start(*self._words, "-q")
        try:
            process.wait(after)
        except Exception:  # it still runs: that is what was wanted
            found: dict[str, list[int]] = {}
            for line in self.project.user.processes():
                found.setdefault(name_of(line), []).append(int(line.split()[0]))
            name = chance.choice(sorted(found)) if found else "(ended)"
            for pid in found.get(name, []):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            name = "(ended)"
        _, said = process.communicate(timeout=120)
        assert "Traceback" not in said, f"{name} killed after {after:.2f} s: {said}"
        self.hit[name] += 1
        return name

    def scratch(self) -> list[str]:
        """Temporary files: those that a killed run could not remove, the next one has."""
        cache = self.project.user.home / ".cache/pdbuild"
        patterns = ("buildah/.partial-*", "buildah/*/runs/*", "buildah/*/tmp/[!b]*", "*/tmp*")
        found = [path for pattern in patterns for path in cache.glob(pattern)]
        found = [path for path in found if path != cache / "ccache/tmp"]  # ccache's own
        found += (self.project.root / "build").glob(".pdbuild-*")
        found += (self.project.user.home / ".local/share/pdbuild").rglob(".partial*")
        return [str(path) for path in found]

    def right(self, marker: str) -> None:
        """Outputs are those of the last edit, and whole."""
        build = self.project.root / "build"
        libraries = [p for p in build.rglob("*.so*") if p.is_file() and not p.is_symlink()]
        marked = [p for p in libraries if marker.encode() in p.read_bytes()]
        assert marked, f"{marker} is in none of {libraries}"
        listed = json.loads((build / "artifacts.json").read_text())
        for entry in entries(listed):
            data = (self.project.root / entry["path"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["path"]


def entries(listed: object) -> Iterator[dict[str, str]]:
    """All files with a digest in artifacts.json, wherever in it."""
    if isinstance(listed, dict):
        if "sha256" in listed and "path" in listed:
            yield listed
        listed = list(listed.values())
    if isinstance(listed, list):
        for item in listed:
            yield from entries(item)


def kill_at(killing: Killing, moments: int) -> None:
    """Fifty times: edit, bake, kill something; look; bake to the end; look at the outputs."""
    seed = int(os.environ.get("PDBUILD_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"PDBUILD_TEST_SEED={seed}")
    chance = random.Random(seed)
    killing.edit("at first")
    killing.bake()
    killing.edit("measured")
    longest = killing.bake()
    for number in range(moments):
        marker = f"moment-{number:03}-{seed}"
        killing.edit(marker)
        after = chance.uniform(0, longest)
        name = killing.strike(after, chance)
        where = f"{name} killed after {after:.2f} of {longest:.2f} s (moment {number})"
        print(where)
        assert left_over(killing.project.user) == [], where
        killing.bake()
        killing.right(marker)
        assert left_over(killing.project.user) == [], where
        assert killing.scratch() == [], where
    print(dict(killing.hit))


@pytest.mark.parametrize("engine", BUILDKIT_MOSTLY)
def test_kill_9_at_a_few_moments(greet: Project, engine: str) -> None:
    killing = Killing(greet, engine, "all", source="src/greet.c")
    kill_at(killing, 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_kill_9_of_a_first_bake(
    user: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    # Nothing is there yet: the base is being bootstrapped, the storage made.
    project = sample(user, pdbuild_python, "make", f"first-{engine}")
    home = f"{user.home}/first-{engine}-state"
    env = {"PDBUILD_CACHE_DIR": f"{home}/cache", "PDBUILD_DATA_DIR": f"{home}/data"}
    env["PATH"] = f"{engines}:{user.env['PATH']}"
    for after in (0.7, 6.0):
        process = project.start("bake", "rootfs", f"--engine={engine}", "-q", env=env)
        time.sleep(after)
        process.kill()
        process.communicate(timeout=60)
        assert left_over(user) == []
    # And what it has started: then pdbuild is there to say so.
    for victim in ("perl /usr/bin/mmdebstrap", "sh -c"):
        process = project.start("bake", "rootfs", f"--engine={engine}", "-q", env=env)
        deadline = time.monotonic() + 60
        while not any(Path("/var/tmp").glob(f"pdbuild-{user.uid}-base-*/mmdebstrap.*/usr")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        mine = [line for line in user.processes() if "mmdebstrap" in line]
        hit = [int(line.split()[0]) for line in mine if victim in line[:40]]
        assert hit, mine
        for pid in hit:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        assert "mmdebstrap could not bootstrap" in said, said
        assert left_over(user) == []
    done = project.pdbuild("bake", "rootfs", f"--engine={engine}", env=env)
    assert done.returncode == 0, done.stderr
    assert not re.search("Traceback", done.stderr)
    temporary = [p for p in Path(home).rglob("*") if re.match(r"\.?(partial|tmp)[-_]", p.name)]
    assert temporary == []
    project.runs("podman", "unshare", "rm", "-rf", home, str(project.root))


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_kill_9_at_fifty_moments_of_the_example(
    user: User, pdbuild_python: Path, engines: Path, engine: str
) -> None:
    project = checkout(user, pdbuild_python, f"killed-{engine}")
    source = "examples/paddle/src/core/tensor.cc"
    killing = Killing(project, engine, "binaries", "debs", "images", source=source)
    kill_at(killing, 50)
    assert set(killing.hit) >= PROGRAMS[engine]
