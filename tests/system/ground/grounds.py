"""Situations that clusters put accounts in, made for real, and pdbuild used in them."""

import contextlib
import json
import os
import pwd
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from system.conftest import User
from system.container.images import IMAGE

# Puts the image into the store, wherever that is here.
_ADOPT = """
import sys
from pathlib import Path
from pdbuild import ground
ground.say(ground.settle())
from pdbuild.store import Store
Store.own().adopt(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


@dataclass(frozen=True, kw_only=True)
class Someone:
    """An account that uses pdbuild. `inside` is a shell script that root runs before, in a mount
    namespace of its own (with `unshare`'s options in `apart`); `uid` may be one without a name.
    `at` is the working directory instead of the home.
    """

    user: User
    python: Path
    env: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""
    apart: str = "--mount"
    uid: int = 0
    umask: int = 0o022
    at: Path | None = None

    def command(self, *words: str | os.PathLike[str]) -> list[str]:
        """The command line, for root, by which the account does this."""
        uid = self.uid or self.user.uid
        gid = self.uid or pwd.getpwuid(uid).pw_gid
        env = {k: v for k, v in {**self.user.env, **self.env}.items() if v}
        argv = [
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"),
            *("env", "-i", *(f"{k}={v}" for k, v in env.items())),
            *map(os.fspath, words),
        ]
        script = f"umask {self.umask:o}; cd {shlex.quote(str(self.at or self.user.home))}"
        script = f"{self.inside or 'true'} && {script}; exec {shlex.join(argv)}"
        return ["unshare", *self.apart.split(), "sh", "-ec", script]

    def does(
        self, *words: str | os.PathLike[str], timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Do it; the exit code is not checked."""
        argv = self.command(*words)
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, check=False, cwd="/"
        )

    def pdbuild(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """pdbuild with these words."""
        return self.does(self.python.parent / "pdbuild", *words, timeout=timeout)

    def doctor(self) -> dict[str, dict[str, Any]]:
        """What doctor finds, by name, with "exit" the exit code."""
        done = self.pdbuild("doctor", "--json")
        assert done.stdout, done.stderr
        found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
        return {**found, "exit": {"code": done.returncode}}

    def adopts(self, exported: tuple[Path, str]) -> str:
        """Put the small image into the store; what was said."""
        root, digest = exported
        done = self.does(self.python, "-c", _ADOPT, root, digest, IMAGE)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def runs(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in that image."""
        return self.pdbuild("run", IMAGE.removeprefix("localhost/"), *words)

    def with_env(self, **more: str) -> "Someone":
        """The same with other variables; "" takes one away."""
        return replace(self, env={**self.env, **more})


@contextlib.contextmanager
def shown_as(program: Path, folder: Path, at: Path, refusals: str) -> Iterator[Path]:
    """`folder` at another place as a network file system with these refusals; see hostile.c."""
    at.mkdir(exist_ok=True)
    with subprocess.Popen([program, folder, at, refusals], stderr=subprocess.DEVNULL) as serving:
        try:
            deadline = time.monotonic() + 10
            while not os.path.ismount(at):
                assert serving.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            yield at
        finally:
            subprocess.run(["umount", "--lazy", at], check=True)
            serving.terminate()  # podman's own process may hold it in its namespace
            serving.wait(10)


def compiled(folder: Path) -> Path:
    """The file system of hostile.c, compiled into a folder."""
    flags = ("-D_FILE_OFFSET_BITS=64", "-I/usr/include/fuse3", "-lfuse3")
    source, program = Path(__file__).with_name("hostile.c"), folder / "hostile"
    subprocess.run(["gcc", "-O1", source, "-o", program, *flags], check=True)
    return program
