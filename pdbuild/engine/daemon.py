"""Joins this user's own buildkitd: starts it, shares it, and leaves none behind."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pdbuild import tools
from pdbuild.engine import launch, place, trouble
from pdbuild.engine.place import Place
from pdbuild.errors import EngineError

# While the daemon's lock is taken and nobody answers, it is being started or stopped; the
# longest stop takes some 4 s (the supervisor's ladder).
_UNREACHABLE_SECONDS = 30.0
_POLL = 0.01

# Longer than the supervisor gives the daemon to start.
_ANSWER_SECONDS = 90.0

_STARTS = 3  # of a supervisor that ends without an answer, before we give up


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A buildkitd that serves until `join`'s block ends, or longer when others hold it too."""

    address: str  # "unix:///.../buildkitd.sock"
    log: Path
    pid: int  # of the process that holds all of it: killing it kills everything


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)


@contextlib.contextmanager
def join(*, notify: Callable[[str], None] = _to_stderr) -> Iterator[Daemon]:
    """Hold this user's buildkitd, started now unless another pdbuild of theirs runs it.

    The daemon stops when the last holder leaves, however it leaves; `PDBUILD_IDLE_SECONDS` of
    the one that started it keep it longer. `notify` receives lines that the user should see.

    Raises EngineError when it cannot be had, with the daemon's last words and what to do.
    """
    buildkitd = tools.require("buildkitd", reason="run builds with BuildKit")
    connection, answer = _hold(place.find(buildkitd.version), buildkitd)
    with connection:
        if answer.get("notice"):
            notify(str(answer["notice"]))
        yield Daemon(
            address=f"unix://{answer['socket']}",
            log=Path(str(answer["log"])),
            pid=int(str(answer["ready"])),
        )


Answer = dict[str, object]


def _hold(where: Place, buildkitd: tools.Tool) -> tuple[socket.socket, Answer]:
    waiting_since = time.monotonic()
    starts = 0
    while True:
        connection = _connect(where)
        if connection is None:
            lock = place.take(where.lock)
            if lock is not None:
                starts += 1
                try:
                    connection = _start(where, lock, buildkitd)
                finally:
                    os.close(lock)  # the supervisor has it now
        if connection is not None:
            waiting_since = time.monotonic()
            answer = _answer(connection, where)
            if answer is not None:
                return connection, answer
            if starts == _STARTS:
                raise trouble.not_started(_tail(where.log), where.log)
        elif time.monotonic() - waiting_since > _UNREACHABLE_SECONDS:
            raise EngineError(
                f"{where.lock} is held, but nobody answers at {_doorbell(where) or 'its socket'}",
                hint="is its runtime directory out of sight (a private /tmp)? "
                "Name one that all your processes see in PDBUILD_RUNTIME_DIR, "
                "or another cache in PDBUILD_CACHE_DIR",
            )
        else:
            time.sleep(_POLL)


def _connect(where: Place) -> socket.socket | None:
    doorbell = _doorbell(where)
    if not doorbell:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(doorbell)
    except OSError:  # stopped, stopping, or not yet started
        connection.close()
        return None
    return connection


def _doorbell(where: Place) -> str:
    # From the lock's text and not computed: the holder may have another TMPDIR.
    try:
        return str(json.loads(where.lock.read_bytes())["doorbell"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _answer(connection: socket.socket, where: Place) -> Answer | None:
    """What the supervisor says of its daemon; None when it went away without a word."""
    connection.settimeout(_ANSWER_SECONDS)
    text = b""
    try:
        while not text.endswith(b"\n"):
            more = connection.recv(65536)
            if not more:
                raise ConnectionResetError
            text += more
    except ConnectionResetError:
        connection.close()
        return None
    except BaseException as error:
        connection.close()
        if isinstance(error, TimeoutError):
            raise EngineError("the daemon's supervisor does not answer") from error
        raise
    answer: Answer = json.loads(text)
    if "failed" in answer:
        connection.close()
        raise trouble.not_started(str(answer["failed"]), where.log)
    return answer


def _start(where: Place, lock: int, buildkitd: tools.Tool) -> socket.socket:
    """Start a supervisor, which inherits `lock`, and connect to it."""
    run = place.run_directory(where)
    shutil.rmtree(run, ignore_errors=True)  # of one that was killed
    (run / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        where.log.replace(where.log.with_suffix(".log.1"))
    specification = launch.specification(where, run, buildkitd)
    with socket.socket(socket.AF_UNIX) as listener:
        # Made here and not by the supervisor: whoever comes from now on finds it, and our own
        # connection is in its queue before it looks for its first client.
        listener.bind(str(specification["doorbell"]))
        listener.listen(128)
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"doorbell": specification["doorbell"]}).encode(), 0)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(specification["doorbell"]))
            _launch(specification, listener.fileno(), lock, where.log)
        except BaseException:
            connection.close()
            raise
    return connection


def _launch(specification: Answer, listener: int, lock: int, log: Path) -> None:
    program = Path(__file__).with_name("supervisor.py")
    run = str(specification["run"])
    with log.open("ab") as output:
        # It returns as soon as the supervisor has put itself into the background.
        subprocess.run(
            [sys.executable, "-I", "-S", program, run, str(listener), str(lock)],
            input=json.dumps(specification).encode(),
            stdout=output,
            stderr=output,
            pass_fds=(listener, lock),
            start_new_session=True,
            check=False,
        )


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_bytes()[-3000:].decode(errors="replace")
    return ""
