"""The one way to other programs: how they are started, waited for, and what is kept of their words.

plumbum starts them. What is `quick`, because people wait for it often, is started without:
importing plumbum takes longer than git takes to describe a source. Three kinds do not come this
way: commands of podman and buildx that python-on-whales has a call for (`whales`), children that
live long and must die with pdbuild (`engine.process`), and what pdbuild turns into or waits for
on the user's terminal (`container.foreground`).

With `--verbose`, or PDBUILD_DEBUG set, `tell` has every command line of all of these on stderr.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pdbuild import VERBOSE
from pdbuild.errors import EngineError

if TYPE_CHECKING:
    from plumbum.machines.local import LocalMachine

PIPE, STDOUT, NOTHING = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL
Child = subprocess.Popen[bytes]

_PREFIXES = ("Error: ", "error: ", "fatal: ")
_PASSWORD = re.compile(r"//[^/@\s]+@")


class NotInstalled(EngineError):  # noqa: N818 - says what is wrong, as the others' names do
    """There is no such program."""


class NoAnswer(EngineError):  # noqa: N818
    """The program did not end within its time, and was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A program that has ended: its exit code (-N: signal N ended it) and all that it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The last line that it wrote, as its reason for failing."""
        lines = [line for line in (self.err or self.out).splitlines() if line.strip()]
        if not lines:
            return f"exit code {self.code}"
        last = lines[-1].strip()
        prefix = next((p for p in _PREFIXES if last.startswith(p)), "")
        return last.removeprefix(prefix)


def run(
    *words: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    quick: bool = False,
) -> Done:
    """Run a program to its end, without input. `env` is all of its environment; None: our own.

    Raises NotInstalled, NoAnswer after `timeout` seconds, and EngineError when it cannot be
    started. When it fails is for the caller to see.
    """
    child = start(*words, env=env, cwd=cwd, stdout=PIPE, stderr=PIPE, quick=quick)
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{_name(words)}: no answer within {timeout:g} seconds") from None
    finally:
        if child.poll() is None:  # also when we are interrupted
            child.kill()
            child.communicate()
    return Done(code=child.returncode, out=_text(out), err=_text(err))


def ran(
    *words: str | os.PathLike[str],
    failing: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    quick: bool = False,
) -> str:
    """What a program printed. Raises EngineError, "FAILING: its last words", when it fails."""
    done = run(*words, env=env, cwd=cwd, quick=quick)
    if done.code:
        raise EngineError(f"{failing}: {done.said}")
    return done.out


def start(
    *words: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = NOTHING,
    stdout: int | None = None,
    stderr: int | None = None,
    in_child: Callable[[], None] | None = None,
    own_session: bool = False,
    quick: bool = False,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a program; see `run`. `in_child` is called between fork and exec."""
    argv = [os.fspath(word) for word in words]
    environment = dict(os.environ if env is None else env)
    # Looked up here: plumbum would look where its own environment says.
    found = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
    if found is None:
        raise NotInstalled(f"{_name(words)} is not installed")
    how: dict[str, Any] = {
        "env": environment,
        "stdin": stdin,
        "stdout": stdout,
        "stderr": stderr,
        "preexec_fn": in_child,
        "pass_fds": pass_fds,
    }
    try:
        if quick:
            how |= {"cwd": cwd, "start_new_session": own_session}
            return subprocess.Popen(argv, executable=found, **how)
        from plumbum.machines.local import LocalCommand

        _machine()
        command = LocalCommand(found)
        how |= {"cwd": str(cwd or "."), "new_session": own_session}
        return cast(Child, command.popen(argv[1:], **how))
    except OSError as error:
        raise EngineError(f"{found} cannot be started: {error.strerror}") from error


@cache
def _machine() -> "LocalMachine":
    """plumbum's idea of this machine, without an environment to add to what it is given."""
    from plumbum.machines.local import LocalMachine

    LocalMachine.env.clear()
    return LocalMachine()


def tell() -> None:
    """Have each command line that this process starts on stderr, while VERBOSE is set."""
    sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    place = {"subprocess.Popen": 1, "os.posix_spawn": 1, "os.exec": 1}.get(event)
    if place is not None and os.environ.get(VERBOSE):
        words = [os.fsdecode(word) for word in arguments[place]]
        print(f"+ {_PASSWORD.sub('//…@', shlex.join(words))}", file=sys.stderr, flush=True)


def _name(words: Sequence[str | os.PathLike[str]]) -> str:
    return Path(words[0]).name


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
