"""Runs one program in the foreground: its exit code comes back, and signals are dealt with.

Signals are taken one at a time with sigwaitinfo and handed to `deliver`, not to the program:
podman run as a user is two processes, of which the outer one ends with code 0 on SIGTERM and
SIGINT (4.3) while the container goes on. So it must not get any, not even the terminal's.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

_TAKEN = frozenset(
    {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }
)
# `deliver` is called again this often, in seconds, this many times after a signal has arrived.
_AGAIN_EVERY = 0.1
_AGAIN_TIMES = 100


class Foreground:
    """One program on pdbuild's stdin and stdout, in a process group of its own.

    With `terminal` it stays in pdbuild's group, to be allowed to control the terminal.

    Its stderr is passed on, but held back while `started()` is False: what a launcher says
    before its program runs is in `held` after `wait`, for an error message, or for `release`
    to print; so is what begins with the launcher's `own` words while the program has written
    nothing. `deliver(signal, first)` acts on a signal that pdbuild got, and says whether the
    program is there to get it; it is called again, with `first` False, until it is, and for 10 s
    more while the program lives.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        deliver: Callable[[int, bool], bool] | None = None,
        started: Callable[[], bool] = lambda: True,
        terminal: bool = False,
        own: tuple[bytes, ...] = (),
    ) -> None:
        self.held = b""
        self._own = own
        self.interrupted_by = 0
        self._deliver = deliver or self._to_group
        self._started = started
        # Who was started with a signal ignored (nohup, a shell's `&`) goes on ignoring it.
        wanted = {s for s in _TAKEN if signal.getsignal(s) is not signal.SIG_IGN}
        self._mask = wanted | {signal.SIGCHLD}
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._mask)
        try:
            self.pid = self._spawned(argv, terminal)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
            raise

    def wait(self) -> int:
        """Wait for the end; the exit code, 128 + n when signal n ended the program."""
        try:
            status = self._wait()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        # Not for ever: a process that the program left behind may hold its stderr.
        self._stderr.join(timeout=1)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def release(self) -> None:
        """Print what was held back."""
        held, self.held = self.held, b""
        _write(2, held)

    def _spawned(self, argv: Sequence[str], terminal: bool) -> int:
        options: dict[str, Any] = {} if terminal else {"setpgroup": 0}
        reader, writer = os.pipe()
        actions: list[Any] = [(os.POSIX_SPAWN_DUP2, writer, 2)]
        # A group in the background may not read the terminal: pdbuild reads it instead.
        typed = os.pipe() if not terminal and os.isatty(0) else None
        if typed:
            actions.append((os.POSIX_SPAWN_DUP2, typed[0], 0))
        try:
            pid = os.posix_spawnp(
                argv[0],
                list(argv),
                os.environ,
                file_actions=actions,
                setsigmask=self._before,
                # Python ignores these two, which the program must not inherit.
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
                **options,
            )
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
            if typed:
                os.close(typed[0])
        self._stderr = threading.Thread(target=self._copy_stderr, args=(reader,), daemon=True)
        self._stderr.start()
        if typed:
            threading.Thread(target=_copy_stdin, args=(typed[1],), daemon=True).start()
        return pid

    def _wait(self) -> int:
        again = 0
        while True:
            # SIGCHLD may come from another child, and two of them may arrive as one.
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                return status
            event = (
                signal.sigtimedwait(self._mask, _AGAIN_EVERY)
                if again
                else signal.sigwaitinfo(self._mask)
            )
            if event is None:
                # However long a start takes: nothing that was typed meanwhile is lost.
                again -= self._deliver(self.interrupted_by, False)
            elif event.si_signo != signal.SIGCHLD:
                self.interrupted_by, again = event.si_signo, _AGAIN_TIMES
                self._deliver(event.si_signo, True)

    def _to_group(self, number: int, first: bool) -> bool:
        if first:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        return True

    def _copy_stderr(self, reader: int) -> None:
        started = False
        while data := os.read(reader, 1 << 16):
            # A line of its own may come in pieces.
            begun = bool(self._own) and self.held[-1:] not in (b"", b"\n")
            ours = begun or data.startswith(self._own)
            started = started or (self._started() and not ours)
            if started:
                self.release()
                _write(2, data)
            else:
                self.held += data
        os.close(reader)


def _copy_stdin(writer: int) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(0, 1 << 16):
            if not _write(writer, data):
                break
    os.close(writer)


def _write(descriptor: int, data: bytes) -> bool:
    if descriptor == 2:
        sys.stderr.flush()
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return False  # nobody reads it; the program must not be held up by that
    return True
