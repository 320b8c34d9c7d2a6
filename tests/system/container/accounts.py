"""Somebody who runs containers, through the library that the command line uses."""

import contextlib
import json
import os
import pwd
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from system.conftest import User, make_user, needs_root, remove_user

from .images import IMAGE

# A minute in Python. One time.sleep of that length goes on to its end when a signal comes just
# before it begins: Python then runs no handler until it returns.
WAITS = "[time.sleep(0.1) for _ in range(600)]"


# What the command line does with the library, in a process that can be signalled.
DRIVER = """
import json, sys
from pathlib import Path
from pdbuild.container import Container, Mount, host, loading, podman
from pdbuild.errors import PdbuildError
from pdbuild.store import Store
verb, *rest = sys.argv[1:]
def container(text):
    given = json.loads(text)
    mounts = tuple(Mount(source=Path(s), target=t, read_only=r) for s, t, r in given.pop("mounts"))
    given["env"] = tuple(map(tuple, given["env"]))
    given = {k: tuple(v) if type(v) is list else v for k, v in given.items()}
    return Container(mounts=mounts, **given)
try:
    if verb == "run":
        sys.exit(podman.run(container(rest[0])))
    elif verb == "start":
        print(podman.start(container(rest[0])))
    elif verb == "logs":
        sys.exit(podman.logs(rest[0], follow="follow" in rest))
    elif verb == "stop":
        podman.stop(rest[0], timeout=int(rest[1]))
    elif verb == "prune":
        print(podman.prune())
    elif verb == "load":
        store = Store(Path(rest[0]))
        store.adopt(Path(rest[1]), rest[2], rest[3])
        print(loading.load(store, rest[3]))
    elif verb == "find":
        print(json.dumps({"flags": (found := host.find()).flags, "notices": host.take_notices(),
                          "driver": found.driver, "keep_id": found.keep_id}))
    elif verb == "plain":
        from pdbuild.container import plain
        found = plain.missing()
        print(json.dumps(found and {"path": str(found.path), "text": found.text,
                                    "error": found.error}))
except PdbuildError as error:
    print(f"{type(error).__name__}: {error.message} [{error.hint}]", file=sys.stderr)
    sys.exit(70 + error.exit_code)
"""


@dataclass
class Account:
    """Somebody who runs containers: the test user, or root."""

    user: User
    python: Path
    env: dict[str, str] = field(default_factory=dict)

    def start(self, verb: str, *rest: str, tty: int | None = None) -> subprocess.Popen[str]:
        argv = [os.fspath(self.python), "-c", DRIVER, verb, *rest]
        pipe = subprocess.PIPE if tty is None else tty
        return subprocess.Popen(
            argv,
            env=self.user.env | self.env,
            cwd=self.user.home,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            user=self.user.uid,
            group=pwd.getpwuid(self.user.uid).pw_gid,
            extra_groups=[],
            umask=0o022,
            start_new_session=True,
        )

    def do(self, verb: str, *rest: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(verb, *rest) as process:
            out, err = process.communicate(stdin, 60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *argv: str, stdin: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        return self.do("run", container(*argv, **more), stdin=stdin)

    def podman(self, *argv: str) -> str:
        done = self.user.run(["podman", "--log-level=error", *argv], env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def container(*argv: str, **more: Any) -> str:
    return json.dumps({"image": IMAGE, "argv": argv, "mounts": [], "env": [], **more})


def load(account: Account, exported: tuple[Path, str]) -> str:
    root, digest = exported
    store = str(account.user.home / "images")
    done = account.do("load", store, str(root), digest, IMAGE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def running(account: Account, *argv: str, **more: Any) -> subprocess.Popen[str]:
    """Start a program that prints a line when it is ready, and wait for that line."""
    process = account.start("run", container(*argv, **more))
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def found(account: Account) -> dict[str, Any]:
    done = account.do("find")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@contextlib.contextmanager
def somebody(python: Path, env: Mapping[str, str] | None = None) -> Iterator[Account]:
    needs_root()
    made = Account(make_user(f"pdbnew{os.getpid()}", subordinate=True), python, dict(env or {}))
    try:
        yield made
    finally:
        remove_user(made.user)
