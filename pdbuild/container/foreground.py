"""Runs one program in the foreground: signals reach it, and its exit code comes back.

Signals are taken one at a time with sigwaitinfo, not by handlers: the kernel tells whether a
terminal sent one (to the whole process group, so that the program has its own) or somebody
else did (to pdbuild alone, so that it must be passed on).
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
TERMINATING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_SI_KERNEL = 0x80

# How often, in seconds, and how many times `undelivered` is asked after a signal.
_ASK_EVERY = 0.1
_ASK_TIMES = 10


class Foreground:
    """One program that shares pdbuild's terminal, stdin and stdout.

    Its stderr is passed on, but held back while `started()` is False: what a launcher says
    before the program runs is in `held` after `wait`, for an error message, and is printed by
    `release` if nobody wants it. After a terminating signal `undelivered(signal)` is called a
    few times, while the program lives.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        started: Callable[[], bool] = lambda: True,
        undelivered: Callable[[int], None] = lambda _: None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.held = b""
        self.interrupted_by = 0
        self._started = started
        self._undelivered = undelivered
        # Who was started with a signal ignored (nohup, a shell's `&`) goes on ignoring it.
        wanted = {s for s in _FORWARDED if signal.getsignal(s) is not signal.SIG_IGN}
        self._mask = wanted | {signal.SIGCHLD}
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._mask)
        # A program that reads the terminal must be in the foreground group; any other gets a
        # group of its own, so that a signal to pdbuild's group does not reach it twice.
        self._own_group = not os.isatty(0)
        reader, writer = os.pipe()
        try:
            group: dict[str, Any] = {"setpgroup": 0} if self._own_group else {}
            self.pid = os.posix_spawnp(
                argv[0],
                list(argv),
                env,
                file_actions=[(os.POSIX_SPAWN_DUP2, writer, 2)],
                setsigmask=self._before,
                # Python ignores these two, which the program must not inherit.
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
                **group,
            )
        except BaseException:
            os.close(reader)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
            raise
        finally:
            os.close(writer)
        self._copier = threading.Thread(target=self._copy, args=(reader,), daemon=True)
        self._copier.start()

    def wait(self) -> int:
        """Wait for the end; the exit code, 128 + n when signal n ended the program."""
        try:
            status = self._wait()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        # Not for ever: a process that the program left behind may hold its stderr.
        self._copier.join(timeout=1)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def release(self) -> None:
        """Print what was held back."""
        held, self.held = self.held, b""
        _write(held)

    def _wait(self) -> int:
        asks = 0
        while True:
            # SIGCHLD may come from another child, and two of them may arrive as one.
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                return status
            event = (
                signal.sigtimedwait(self._mask, _ASK_EVERY)
                if asks
                else signal.sigwaitinfo(self._mask)
            )
            if event is None:
                asks -= 1
                self._undelivered(self.interrupted_by)
            elif event.si_signo != signal.SIGCHLD:
                if self._own_group or event.si_code != _SI_KERNEL:
                    os.kill(self.pid, event.si_signo)
                if event.si_signo in TERMINATING:
                    self.interrupted_by, asks = event.si_signo, _ASK_TIMES

    def _copy(self, reader: int) -> None:
        started = False
        while data := os.read(reader, 1 << 16):
            started = started or self._started()
            if started:
                self.release()
                _write(data)
            else:
                self.held += data
        os.close(reader)


def _write(data: bytes) -> None:
    sys.stderr.flush()
    while data:
        try:
            data = data[os.write(2, data) :]
        except OSError:
            return  # nobody reads it any more; the program must not be held up by that
