"""However a build with Buildah ends, nothing of it stays; and two at once share the work."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.conftest import User, until_gone

# Says that it runs, and goes on for longer than any test waits.
FOREVER = "echo ready; for i in $(seq 600); do date >/c/alive; sleep 0.1; done"


@pytest.fixture(autouse=True)
def _buildah(older: str) -> None:
    """This machine's Buildah is there, or the test is not run."""


class Builds:
    """Starts builds of one step as the user."""

    def __init__(self, user: User, python: Path, folder: Path) -> None:
        self.user, self._python, self._folder = user, python, folder

    @contextlib.contextmanager
    def start(self, work: str, name: str, script: str) -> Iterator[subprocess.Popen[str]]:
        argv = [self._python, "-m", "conformance.one", self.user.home / work, name, script]
        env = {"PYTHONPATH": str(self._folder)}
        with self.user.start(argv, env=env, cwd=self._folder) as process:
            try:
                yield process
            finally:
                process.kill()

    def until_ready(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if line.endswith("| ready\n"):
                return
        raise AssertionError("".join(said))

    def left(self) -> list[str]:
        """What a build leaves beyond its caches: files and working containers."""
        (storage,) = (self.user.home / ".cache/pdbuild/buildah").glob("*/")
        found = [p for p in (storage / "tmp").iterdir() if not p.name.startswith("buildah-cache")]
        found += (storage / "runs").iterdir()
        found += [p for p in (storage / "root/overlay-containers").iterdir() if p.is_dir()]
        return [str(path) for path in found]

    def running(self) -> list[int]:
        """The processes of the user and of its subordinate ids, but for podman's."""
        return [int(p.split()[0]) for p in self.user.processes() if "catatonit" not in p]

    def mounted(self) -> list[str]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if str(self.user.home) in line]


@pytest.fixture
def builds(builder: User, pdbuild_python: Path, driver: Path) -> Builds:
    return Builds(builder, pdbuild_python, driver)


def test_ctrl_c_stops_at_once_and_leaves_nothing(builds: Builds) -> None:
    with builds.start("interrupted", "interrupted", FOREVER) as process:
        builds.until_ready(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    until_gone(builds.running(), 5)
    assert builds.left() == []
    assert builds.mounted() == []


def test_a_failure_leaves_nothing(builds: Builds) -> None:
    with builds.start("failed", "failed", "exit 7") as process:
        assert process.wait(60) == 1
    until_gone(builds.running(), 5)
    assert builds.left() == []


def test_kill_9_takes_every_process_along_and_the_next_build_clears_up(builds: Builds) -> None:
    with builds.start("killed", "killed", FOREVER) as process:
        builds.until_ready(process)
        before = builds.running()
        assert len(before) > 2  # pdbuild, Buildah, the step
        os.kill(process.pid, signal.SIGKILL)
        until_gone(before, 10)
    assert builds.mounted() == []
    with builds.start("killed", "killed-then", "test -e /c || false") as process:
        assert process.wait(60) == 0
    assert builds.left() == []
    assert builds.running() == []


@pytest.mark.parametrize("program", ["unshare", "buildah"])
def test_a_killed_buildah_is_a_failure_and_leaves_nothing(builds: Builds, program: str) -> None:
    with builds.start(f"lost-{program}", f"lost-{program}", FOREVER) as process:
        builds.until_ready(process)
        lines = builds.user.processes()
        pattern = re.compile(rf"(\S*/)?{program} ")
        victim = next(p for p in lines if pattern.match(p.partition(" ")[2]))
        os.kill(int(victim.split()[0]), signal.SIGKILL)
        assert process.wait(20) == 1
    until_gone(builds.running(), 10)
    assert builds.left() == []


def test_two_at_once_build_a_stage_once(builds: Builds) -> None:
    script = "echo run >>/c/runs; echo ready; sleep 2; wc -l </c/runs >/count"
    with builds.start("one", "shared", script) as one:
        builds.until_ready(one)
        with builds.start("two", "shared", script) as two:
            # Each has its own pipes, and says little.
            assert (one.wait(60), two.wait(60)) == (0, 0)
            assert two.stderr
            assert "cached" in two.stderr.read()
    assert builds.left() == []
