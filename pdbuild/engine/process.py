"""Child processes that die with their parent, and are stopped in steps."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

Stream = int | IO[bytes] | None

#: Signals to send one after the other, each with the seconds that it may take to work.
Ladder = Sequence[tuple[signal.Signals, float]]

#: Right for clients of an engine: buildx cancels its build within 0.1 s of SIGINT.
POLITE: Ladder = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0))

_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


def popen(
    argv: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
    pass_fds: Sequence[int] = (),
    death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own; the kernel sends it `death` when we die.

    Its own session keeps the terminal's Ctrl-C from it, so that the caller decides (`stop`).
    The kernel watches the *thread* that starts the child, not the process: call this from a
    thread that outlives the child (prctl(2), PR_SET_PDEATHSIG).
    """
    return subprocess.Popen(
        [os.fspath(word) for word in argv],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        umask=0o022,  # what is built must not depend on the caller's
        preexec_fn=dies_with(os.getpid(), death),
    )


def stop(process: subprocess.Popen[bytes], ladder: Ladder = POLITE) -> int:
    """Stop `process` and all of its session's group by `ladder`; return its exit code.

    Returns at once when it has ended already. Whatever is left of its group gets SIGKILL, and
    its pipes are closed.
    """
    for number, patience in ladder:
        if process.poll() is not None:
            break
        signal_group(process.pid, number)
        wait(process, patience)
    signal_group(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return process.wait()


def wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of `process` for at most `seconds`; say whether it has ended."""
    if process.poll() is not None:
        return True
    try:
        watched = os.pidfd_open(process.pid)
    except OSError:  # Linux < 5.3, or it is not there: the library's wait polls
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        select.select([watched], [], [], seconds)
    finally:
        os.close(watched)
    return process.poll() is not None


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group that `leader` founded; it may be gone."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        # PermissionError: the group's only member left runs as another uid of our range.
        return


def dies_with(parent: int, death: signal.Signals) -> Callable[[], None]:
    """For a child of process `parent`, between fork and exec: get `death` when it dies."""
    # ctypes is loaded before the fork: after it, the child of a threaded process may only
    # make simple calls.
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # it died between our fork and the prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child
