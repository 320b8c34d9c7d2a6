"""Keeps one user's buildkitd running for as long as any pdbuild holds a connection to it.

Run as a program by `daemon.join`, which hands over, already made, a listening socket, the
lock on the engine's root and (on stdin, as JSON) what to start. It is isolated Python
(`-I -S`) and imports nothing of pdbuild, so that it starts in some 20 ms.

Every client that connects gets one line of JSON, as soon as the daemon serves or has failed.
The kernel closes a client's connection however the client ends; when the last one is closed,
the daemon is stopped. `rootlesskit --pidns` (for root: `unshare --pid`) dies with us, by
PR_SET_PDEATHSIG, and everything inside with it. The lock's descriptor is inherited by the
daemon on purpose: the lock is free only when the daemon is gone too, also after kill -9.
"""

# pathlib's import would be a third of the start:
# ruff: noqa: PTH104, PTH108, PTH123

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any

# A client of HTTP/2 may send its preface and an empty SETTINGS frame unasked; the server's
# answer shows that gRPC is being served (RFC 9113, 3.4). A connection alone does not:
# buildkitd listens before it has opened its databases.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

_POLL = 0.01
_START_SECONDS = 60.0

# SIGTERM lets a running build finish, which may take for ever; the third one makes buildkitd
# exit at once (BuildKit, util/appcontext). Nobody waits for a build any more when we stop.
_LADDER = ((signal.SIGTERM, 2.0), (signal.SIGTERM, 0.1), (signal.SIGTERM, 1.5))

_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


class Supervisor:
    """The daemon, the clients that hold it, and the one thread that looks after both."""

    def __init__(self, spec: dict[str, Any], listener: socket.socket, lock: int) -> None:
        self.argv: list[str] = spec["argv"]
        self.env: dict[str, str] = spec["env"]
        self.root: str = spec["root"]
        self.run: str = spec["run"]
        self.log: str = spec["log"]
        self.socket: str = spec["socket"]
        self.greeting = {"socket": self.socket, "log": self.log}
        self.doorbell: str = spec["doorbell"]
        self.forwards: bool = spec["forwards"]
        self.idle: float = spec["idle"]
        self.listener = listener
        self.lock = lock
        self.notice = ""
        self.answer: dict[str, object] | None = None
        self.clients: set[socket.socket] = set()
        self.probe: socket.socket | None = None
        self.asked_to_stop = False
        self.began = time.monotonic()
        self.empty_since: float | None = None
        self.events = selectors.DefaultSelector()
        self.woken, self.waker = socket.socketpair()  # by signals, to end a wait
        self.daemon = self._start()

    def serve(self) -> None:
        """Until the last client has gone, the daemon has ended, or we are told to stop."""
        for end in (self.listener, self.woken, self.waker):
            end.setblocking(False)
        self._watch(self.listener)
        self._watch(self.woken)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        while not self._over():
            for key, _ in self.events.select(self._patience()):
                self._handle(key.fileobj)
            self._look_after_start()

    def close(self) -> None:
        """Stop the daemon and remove what was made for it; new clients start another."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.doorbell)
        self.listener.close()
        self._stop()
        for client in self.clients:
            client.close()
        import shutil  # after the daemon's end: its import would slow the start

        shutil.rmtree(self.run, ignore_errors=True)

    def _start(self) -> "subprocess.Popen[bytes]":
        prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

        def in_child() -> None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            return subprocess.Popen(
                self.argv,
                env=self.env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.lock,),
                start_new_session=True,
                preexec_fn=in_child,
            )

    def _stop(self) -> None:
        for number, patience in _LADDER:
            if self.daemon.poll() is not None:
                break
            # RootlessKit forwards signals, so its group would get each one twice; unshare
            # ignores them, and only its group reaches buildkitd.
            with contextlib.suppress(ProcessLookupError):
                (os.kill if self.forwards else os.killpg)(self.daemon.pid, number)
            self._await_daemon(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()

    def _await_daemon(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.005)

    def _over(self) -> bool:
        if self.asked_to_stop:
            return True
        if self.daemon.poll() is not None and not self._restarted():
            if self.answer is None:
                self._tell({"failed": self._said() or f"exit code {self.daemon.returncode}"})
            return True
        if self.clients:
            self.empty_since = None
            return False
        now = time.monotonic()
        if self.empty_since is None:
            self.empty_since = now
        return now - self.empty_since >= self.idle and not self._accept()

    def _patience(self) -> float | None:
        if self.answer is None:
            return _POLL
        if self.empty_since is None:
            return None
        return max(0.0, self.empty_since + self.idle - time.monotonic())

    def _handle(self, source: object) -> None:
        if source is self.woken:
            with contextlib.suppress(BlockingIOError):
                self.woken.recv(4096)
        elif source is self.listener:
            self._accept()
        elif isinstance(source, socket.socket) and source is self.probe:
            self._read_probe()
        elif isinstance(source, socket.socket) and _ended(source):
            self.events.unregister(source)
            self.clients.discard(source)
            source.close()

    def _accept(self) -> bool:
        """Take in all clients that wait at the door; say whether there was one."""
        found = False
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self.listener.accept()
                client.setblocking(False)
                self.clients.add(client)
                self._watch(client)
                found = True
                if self.answer is not None:
                    _send(client, self.answer)
        return found

    def _look_after_start(self) -> None:
        if self.answer is not None or self.daemon.poll() is not None:
            return
        if self.probe is None:
            self._knock()
        if time.monotonic() - self.began > _START_SECONDS:
            self._tell({"failed": f"not ready after {_START_SECONDS:.0f} s\n{self._said()}"})
            self.asked_to_stop = True

    def _knock(self) -> None:
        probe = socket.socket(socket.AF_UNIX)
        probe.setblocking(False)
        try:
            probe.connect(self.socket)
            probe.send(_HELLO)
        except OSError:  # not there yet
            probe.close()
            return
        self.probe = probe
        self._watch(probe)

    def _read_probe(self) -> None:
        assert self.probe is not None
        try:
            answered = bool(self.probe.recv(64))
        except OSError:
            answered = False
        self.events.unregister(self.probe)
        self.probe.close()
        self.probe = None
        if answered and self.answer is None:
            self._tell({"ready": self.daemon.pid, "notice": self.notice, **self.greeting})

    def _tell(self, answer: dict[str, object]) -> None:
        self._accept()
        self.answer = answer
        for client in self.clients:
            _send(client, answer)

    def _restarted(self) -> bool:
        """Start again on a fresh root when the old one's metadata cannot be read.

        BuildKit repairs its other databases by itself, not metadata_v2.db: it says "invalid
        database" and ends.
        """
        said = self._said()
        if self.answer is not None or self.notice or "invalid database" not in said:
            return False
        aside = f"{self.root}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
        os.rename(self.root, aside)
        self.notice = f"the build cache's metadata was damaged: moved to {aside}, starting anew"
        self.daemon = self._start()
        return True

    def _said(self) -> str:
        with open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read()[-3000:].decode(errors="replace").strip()

    def _watch(self, source: socket.socket) -> None:
        self.events.register(source, selectors.EVENT_READ)

    def _on_signal(self, number: int, frame: object) -> None:
        if number != signal.SIGCHLD:
            self.asked_to_stop = True


def _ended(client: socket.socket) -> bool:
    try:
        return not client.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _send(client: socket.socket, answer: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # gone, or never reading: its connection shows it
        client.send(json.dumps(answer).encode() + b"\n")


def main(argv: list[str]) -> int:
    """`supervisor.py LISTENER LOCK` with the specification on stdin."""
    spec = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the starter waits for this one only: we belong to nobody
    os.chdir("/")
    os.umask(0o022)  # what a RUN step makes must not depend on the umask of who came first
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    listener, inherited = (int(word) for word in argv)
    # Out of the way of descriptors 3 and 4, over which RootlessKit puts its own in its child.
    lock = fcntl.fcntl(inherited, fcntl.F_DUPFD_CLOEXEC, 64)
    for descriptor in (null, log, inherited):
        os.close(descriptor)
    os.set_inheritable(listener, False)
    supervisor = Supervisor(spec, socket.socket(fileno=listener), lock)
    try:
        supervisor.serve()
    finally:
        supervisor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
