"""A Docker Engine that an ordinary user starts, by Debian's `dockerd-rootless.sh`.

What that needs besides docker.io is unpacked and not installed: podman would take slirp4netns.
"""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packages import unpacked
from system.conftest import User
from system.project import Project, give
from system.tiny import IMAGE, member

_KEPT = Path("/var/tmp/pdbuild-tests/rootless-bookworm")
_SCRIPT = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
# As everywhere else, and unlike on some small machines, the device is everybody's.
_START = 'mount --bind "$1" /dev/net/tun; shift; exec setpriv --pdeathsig=TERM "$@"'


@pytest.fixture(scope="module")
def rootless(pdbuild_python: Path) -> Iterator[User]:
    """Somebody whose docker talks to an engine of their own; they are not in the group docker."""
    if not _KEPT.is_dir():
        members = ("./usr/bin/*", "./usr/lib/x86_64-linux-gnu/libslirp*")
        unpacked(_KEPT, "bookworm", "rootlesskit,slirp4netns", *members).rename(_KEPT)
    name = f"pdbless{os.getpid()}"
    with member(name, pdbuild_python, subordinate=True) as user:
        run, tun = user.home / "run", user.home / "tun"
        run.mkdir(mode=0o700)
        os.mknod(tun, stat.S_IFCHR, os.makedev(10, 200))
        tun.chmod(0o666)
        give(user, run)
        env = user.env | {
            "PATH": f"{_KEPT}/usr/bin:{user.env['PATH']}:/usr/sbin:/sbin",
            "LD_LIBRARY_PATH": f"{_KEPT}/usr/lib/x86_64-linux-gnu",
            "XDG_RUNTIME_DIR": str(run),
        }
        as_user = (f"--reuid={name}", f"--regid={name}", "--init-groups")
        words: list[str | Path]
        words = ["unshare", "--mount", "sh", "-euc", _START, "sh", tun, *as_user, "sh", _SCRIPT]
        log = user.home / "log"
        with log.open("w") as out:
            engine = subprocess.Popen(words, stdout=out, stderr=out, env=env, cwd=user.home)
        try:
            extra = (("DOCKER_HOST", f"unix://{run}/docker.sock"),)
            made = replace(user, extra=extra)
            deadline = time.monotonic() + 60
            while made.run(["docker", "version"]).returncode:
                assert time.monotonic() < deadline and engine.poll() is None, log.read_text()[
                    -3000:
                ]
                time.sleep(0.2)
            yield made
        finally:
            engine.terminate()
            engine.wait(30)


@pytest.mark.long
def test_a_program_runs_as_the_caller_in_an_engine_of_their_own(
    rootless: User, pdbuild_python: Path
) -> None:
    options = ("--format={{.SecurityOptions}}",)
    assert "name=rootless" in rootless.run(["docker", "info", *options]).stdout
    here = rootless.home / "here"
    here.mkdir()
    give(rootless, here)
    project = Project(user=rootless, root=here, program=pdbuild_python.parent / "pdbuild")
    words = ("run", "--runtime=docker", IMAGE, "sh", "-c", "pwd; echo made >it; exit 7")
    done = project.pdbuild(*words)
    assert (done.stdout, done.returncode) == ("/work\n", 7), done.stderr
    # Root of the engine's namespace is the caller.
    assert (here / "it").stat().st_uid == rootless.uid
    assert project.runs("docker", "ps", "--all", "--quiet") == ""
    told = project.runs("docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}")
    assert told == f"localhost/{IMAGE}\n"
