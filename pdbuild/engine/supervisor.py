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
# ruff: noqa: PTH104, PTH106, PTH108, PTH123, PTH208

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

# RootlessKit waits for ever for a child that is killed before its first message.
_STILLBORN_SECONDS = 1.0

# SIGTERM lets a running build finish, which may take for ever; the third one makes buildkitd
# exit at once (BuildKit, util/appcontext). Nobody waits for a build any more when we stop.
_LADDER = ((signal.SIGTERM, 2.0), (signal.SIGTERM, 0.1), (signal.SIGTERM, 1.5))


class Supervisor:
    """The daemon, the clients that hold it, and the one thread that looks after both."""

    def __init__(self, spec: dict[str, Any], listener: socket.socket, lock: int) -> None:
        self.spec = spec
        self.listener = listener
        self.lock = lock
        self.notice = ""
        self.answer: dict[str, object] | None = None
        self.clients: set[socket.socket] = set()
        self.probe: socket.socket | None = None
        self.asked_to_stop = False
        self.began = self.last_sound = time.monotonic()
        self.empty_since: float | None = None
        self.events = selectors.DefaultSelector()
        self.woken, self.waker = socket.socketpair()  # by signals, to end a wait
        self.daemon = self._start()

    def serve(self) -> None:
        """Until the last client has gone, the daemon has ended, or we are told to stop."""
        for end in (self.listener, self.woken, self.waker):
            end.setblocking(False)
        self.events.register(self.listener, selectors.EVENT_READ)
        self.events.register(self.woken, selectors.EVENT_READ)
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
            os.unlink(self.spec["doorbell"])
        self.listener.close()
        self._stop()
        for client in self.clients:
            client.close()
        if self.spec["cgroups"]:
            _remove_cgroups(self.spec["cgroups"])
        import shutil  # after the daemon's end: its import would slow the start

        shutil.rmtree(self.spec["run"], ignore_errors=True)

    def _start(self) -> "subprocess.Popen[bytes]":
        prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

        def in_child() -> None:
            prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        with open(self.spec["log"], "ab") as log:
            self.log_start = log.tell()
            return subprocess.Popen(
                self.spec["argv"], env=self.spec["env"], cwd="/", stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=(self.lock,), start_new_session=True,
                preexec_fn=in_child,
            )  # fmt: skip

    def _stop(self) -> None:
        for number, patience in _LADDER:
            if self.daemon.poll() is not None:
                break
            # RootlessKit forwards signals, so its group would get each one twice; unshare
            # ignores them, and only its group reaches buildkitd.
            with contextlib.suppress(ProcessLookupError):
                (os.kill if self.spec["forwards"] else os.killpg)(self.daemon.pid, number)
            end = time.monotonic() + patience
            while self.daemon.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()

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
        self.empty_since = self.empty_since or now
        return now - self.empty_since >= self.spec["idle"] and not self._accept()

    def _patience(self) -> float | None:
        if self.answer is None or self.empty_since is None:
            return _POLL if self.answer is None else None
        left = self.empty_since + float(self.spec["idle"]) - time.monotonic()
        return max(0.0, left)

    def _handle(self, source: object) -> None:
        if source is self.woken:
            with contextlib.suppress(BlockingIOError):
                self.woken.recv(4096)
        elif source is self.listener:
            self._accept()
        elif source is self.probe:
            self._read_probe()
        elif isinstance(source, socket.socket) and _ended(source):
            self.events.unregister(source)
            self.clients.discard(source)
            source.close()

    def _accept(self) -> bool:
        """Take in all clients that wait at the door; say whether there was one."""
        before = len(self.clients)
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self.listener.accept()
                client.setblocking(False)
                self.clients.add(client)
                self.events.register(client, selectors.EVENT_READ)
                if self.answer is not None:
                    _send(client, self.answer)
        return len(self.clients) > before

    def _look_after_start(self) -> None:
        if self.answer is not None or self.daemon.poll() is not None:
            return
        self.probe = self.probe or self._knock()
        now = time.monotonic()
        if not _stillborn(self.daemon.pid):
            self.last_sound = now
        if now - self.began > _START_SECONDS or now - self.last_sound > _STILLBORN_SECONDS:
            problem = f"not ready after {now - self.began:.0f} s"
            self._tell({"failed": f"{self._said()}\n{problem}"})
            self.asked_to_stop = True

    def _knock(self) -> socket.socket | None:
        probe = socket.socket(socket.AF_UNIX)
        probe.setblocking(False)
        try:
            probe.connect(self.spec["socket"])
            probe.send(_HELLO)
        except OSError:  # not there yet
            probe.close()
            return None
        self.events.register(probe, selectors.EVENT_READ)
        return probe

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
            ours = {name: self.spec[name] for name in ("socket", "log")}
            self._tell({"ready": self.daemon.pid, "notice": self.notice, **ours})

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
        root = self.spec["root"]
        aside = f"{root}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
        os.rename(root, aside)
        self.notice = f"the build cache's metadata was damaged: moved to {aside}, starting anew"
        self.daemon = self._start()
        return True

    def _said(self) -> str:
        with open(self.spec["log"], "rb") as log:
            log.seek(self.log_start)
            return log.read()[-3000:].decode(errors="replace").strip()

    def _on_signal(self, number: int, frame: object) -> None:
        if number != signal.SIGCHLD:
            self.asked_to_stop = True


def _stillborn(pid: int) -> bool:
    """Whether all children of `pid` are dead, and it has not noticed."""
    states = []
    with contextlib.suppress(OSError):  # it ended, or the kernel has no such file
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in _read(f"/proc/{pid}/task/{task}/children").split():
                states.append(_read(f"/proc/{child}/stat").rpartition(")")[2].split()[0])
    return bool(states) and set(states) == {"Z"}


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _remove_cgroups(name: str) -> None:
    """Remove the empty control groups that steps of a killed daemon leave below `name`."""
    mounted = "/sys/fs/cgroup"
    for base in (mounted, *(f"{mounted}/{entry}" for entry in os.listdir(mounted))):
        for folder, _, _ in os.walk(f"{base}/{name}", topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _ended(client: socket.socket) -> bool:
    try:
        return not client.recv(4096)
    except OSError as error:
        return not isinstance(error, BlockingIOError)


def _send(client: socket.socket, answer: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # gone, or never reading: its connection shows it
        client.send(json.dumps(answer).encode() + b"\n")


def main(argv: list[str]) -> int:
    """`supervisor.py RUN LISTENER LOCK` with the specification on stdin; RUN is for `ps`."""
    spec = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the starter waits for this one only: we belong to nobody
    os.chdir("/")
    os.umask(0o022)  # what a RUN step makes must not depend on the umask of who came first
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    listener, inherited = (int(word) for word in argv[1:])
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
