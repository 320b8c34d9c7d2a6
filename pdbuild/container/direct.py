"""Starts a program in an image within milliseconds: namespaces around the layers that podman has.

`podman run` takes 0.2 to 0.3 s, which is as long as compiling one file. Here the layers, which
podman has unpacked already, are put together by the kernel's overlay, and the program starts in
namespaces of its own. It is the caller, and root inside; its files in mounts are the caller's.
What it writes elsewhere is gone afterwards.

Not every host allows this. `run` then raises Unavailable before anything has happened, and podman
does the same, more slowly.
"""

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from pdbuild import dirs, programs, whole
from pdbuild.container import Mount, syscalls
from pdbuild.container.delivery import handles
from pdbuild.container.host import Host

# <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _REC, _PRIVATE = 32, 4096, 16384, 1 << 18
_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_STOP_SECONDS = 5
_TAKEN = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
# <asm-generic/siginfo.h>: what a terminal tells, it tells all of the group.
_SI_KERNEL = 128
# What a problem begins with that is the program's own.
_MISSING = "\0"


class Unavailable(Exception):  # noqa: N818 - not an error: podman can do it
    """This host does not let us; the text says what failed."""


class Missing(Unavailable):
    """It is the image that has no such program, or one that cannot be executed.

    `code` is what shells and podman end with then: 127 or 126.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that podman has unpacked: its layers' folders, the topmost first, and its ENV."""

    storage: str
    layers: tuple[str, ...]
    env: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What runs: `argv` in `workdir`, with `env` over the image's own, and `mounts`.

    `emulator` is what binfmt_misc of the program's own namespace is told, if anything.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    mounts: tuple[Mount, ...]
    workdir: str
    emulator: str = ""


def find(host: Host, reference: str) -> Image:
    """Where podman has the layers of an image; it is asked once for each image.

    Raises Unavailable when they are not in overlay storage.
    """
    if host.driver != "overlay":
        raise Unavailable(f"podman's storage driver is {host.driver}")
    images = Path(host.graph_root, "overlay-images", "images.json")
    try:
        status = images.stat()
    except OSError as error:
        raise Unavailable(str(error)) from None
    stamp = f"{reference} {images} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    memory = dirs.machine_dir() / "podman-layers.json"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        known = json.loads(memory.read_bytes())
        if known["stamp"] == stamp:
            found = known["image"]
            return Image(
                storage=found["storage"], layers=tuple(found["layers"]), env=tuple(found["env"])
            )
    image = _asked(host, reference)
    whole.write(memory, json.dumps({"stamp": stamp, "image": asdict(image)}))
    return image


def run(image: Image, program: Program, *, passing: bool = False) -> int:
    """Run the program in the foreground; its exit code, 128 + n when signal n ended it.

    Ctrl-C reaches it through the terminal, or is passed on; KeyboardInterrupt is raised when
    it has ended. With `passing`, so do SIGTERM and SIGHUP, one that it does not handle ends it,
    and its exit code is all that tells of them. Raises Missing when the image has no such program,
    Unavailable when nothing could be started at all.
    """
    # Who was started with a signal ignored (nohup, a shell's `&`) goes on ignoring it.
    taken = {s for s in _TAKEN if signal.getsignal(s) is not signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*taken, signal.SIGCHLD})
    try:
        return _run(image, program, taken, before, passing=passing)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(
    image: Image, program: Program, taken: Set[int], before: Set[int], *, passing: bool
) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    # All programs can have one: only its own namespace sees what a program mounts there.
    scratch = dirs.runtime_dir() / "direct"
    scratch.mkdir(exist_ok=True)
    reader, writer = os.pipe()  # closed by exec: what arrives is why there was none
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(image, program, scratch, writer, taken, before)
    os.close(writer)

    def passed(number: int, typed: bool) -> None:
        if not typed:
            os.kill(pid, number)

    with os.fdopen(reader, "rb") as pipe:
        status = _told(pid, taken, passed) if passing else _waited(pid, before)
        problem = pipe.read().decode(errors="replace")
    if problem.startswith(_MISSING):
        code, _, told = problem.removeprefix(_MISSING).partition(" ")
        raise Missing(told, int(code))
    if problem:
        raise Unavailable(problem)
    return _code(status)


def _code(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _waited(pid: int, before: Set[int]) -> int:
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return os.waitpid(pid, 0)[1]
    except BaseException:
        # The terminal has told all of the group already; this is for those who tell us alone.
        _stop(pid)
        raise


def _told(pid: int, taken: Set[int], tell: Callable[[int, bool], None]) -> int:
    """Wait for a process, and `tell` of each signal of `taken`, which is blocked, and whether a
    terminal sent it; the status."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        # Not for ever: another thread may have had SIGCHLD.
        event = signal.sigtimedwait({*taken, signal.SIGCHLD}, 1)
        if event and event.si_signo != signal.SIGCHLD:
            tell(event.si_signo, event.si_code == _SI_KERNEL)


def _stop(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGKILL, 1)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if select.select([descriptor], [], [], seconds)[0]:
                break
    finally:
        os.close(descriptor)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _asked(host: Host, reference: str) -> Image:
    words = (host.podman, *host.flags, "--log-level=error", "image", "inspect", reference)
    done = programs.run(*words, quick=True)
    try:
        found = json.loads(done.out)[0]
        data = found["GraphDriver"]["Data"]
        layers = [data["UpperDir"], *filter(None, data.get("LowerDir", "").split(":"))]
        storage = Path(host.graph_root, "overlay")
        return Image(
            storage=str(storage),
            # Short names: all of them must fit into one page.
            layers=tuple(str(Path(layer).relative_to(storage)) for layer in layers),
            env=tuple(found["Config"].get("Env") or ()),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable(f"podman image inspect: {done.err.strip() or error}") from None


def _child(
    image: Image,
    program: Program,
    scratch: Path,
    problems: int,
    taken: Set[int],
    before: Set[int],
) -> NoReturn:
    """Between fork and exec: never returns, and never runs the parent's clean-up."""
    code = 127
    try:
        os.umask(0o022)
        syscalls.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _unshare()
        proc = os.open("/proc", os.O_PATH)  # the program's root will be ours
        inner = os.fork()  # the first process of the new process namespace
        if inner:
            # Its end must be the end of the pipe, too.
            os.close(problems)
            code = _passed(inner, proc, taken)
        else:
            for number in (*taken, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _enter(image, program, scratch)
            env = dict(pair.partition("=")[::2] for pair in image.env) | dict(program.env)
            os.chdir(program.workdir)
            _execute(program.argv, env)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(problems, f"{error}"[:1000].encode() or b"failed")
    finally:
        os._exit(code)


def _execute(argv: tuple[str, ...], env: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(argv[0], argv, env)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        code = 126 if isinstance(error, PermissionError) else 127
        raise OSError(f"{_MISSING}{code} {argv[0]}: {error.strerror}") from None


def _passed(inner: int, proc: int, taken: Set[int]) -> int:
    """Wait for the program, and tell it of signals, or end it when it does not handle them: the
    first process of a namespace is spared what would end others. Its exit code."""
    killed_for = 0

    def tell(number: int, typed: bool) -> None:
        nonlocal killed_for
        with contextlib.suppress(ProcessLookupError):
            if not handles(inner, number, proc=proc):
                killed_for = number
                os.kill(inner, signal.SIGKILL)
            elif not typed:
                os.kill(inner, number)

    status = _told(inner, taken, tell)
    return 128 + killed_for if killed_for else _code(status)


def _unshare() -> None:
    uid, gid = os.getuid(), os.getgid()
    flags = _NEWNS | _NEWPID | _NEWIPC
    if uid:
        flags |= _NEWUSER
    syscalls.checked(syscalls.libc().unshare(flags), "unshare")
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _enter(image: Image, program: Program, scratch: Path) -> None:
    """Build the root file system and make it the root."""
    # Before the caller is out of reach: pid 1 of a namespace takes all others with it.
    syscalls.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.mount("", "/", "", _REC | _PRIVATE)
    syscalls.mount("tmpfs", str(scratch), "tmpfs", _NOSUID | _NODEV, "mode=755")
    root = scratch / "root"
    for name in ("root", "upper", "work"):
        (scratch / name).mkdir()
    os.chdir(image.storage)
    layers = ":".join(image.layers)
    options = f"lowerdir={layers},upperdir={scratch}/upper,workdir={scratch}/work"
    options += ",userxattr" if syscalls.mapped() else ""
    syscalls.mount("overlay", str(root), "overlay", 0, options)
    _system(root)
    if program.emulator:
        _emulate(root / "proc/sys/fs/binfmt_misc", program.emulator)
    for mount in sorted(program.mounts, key=lambda m: m.target):
        _bind(str(mount.source), root / mount.target.lstrip("/"), read_only=mount.read_only)
    os.chdir(root)
    syscalls.checked(syscalls.libc().syscall(syscalls.pivot_root(), b".", b"."), "pivot_root")
    syscalls.checked(syscalls.libc().umount2(b".", _DETACH), "umount")
    os.chdir("/")
    syscalls.prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _system(root: Path) -> None:
    """/proc, /sys, /dev, /tmp and what names hosts."""
    for name in ("proc", "sys", "dev", "tmp", "run"):
        (root / name).mkdir(exist_ok=True)
    syscalls.mount("proc", str(root / "proc"), "proc", _NOSUID | _NODEV | _NOEXEC)
    syscalls.mount("/sys", str(root / "sys"), "", _BIND | _REC)
    syscalls.mount("tmpfs", str(root / "dev"), "tmpfs", _NOSUID, "mode=755")
    for name in _DEVICES:
        _bind(f"/dev/{name}", root / "dev" / name)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/{target}")
    with contextlib.suppress(OSError):  # ttyname finds it there: it is none of dev/pts
        _bind(os.ttyname(0), root / "dev/console")
    (root / "dev/pts").mkdir()
    with contextlib.suppress(OSError):  # where it cannot be had, programs open no terminals
        options = "newinstance,ptmxmode=0666,mode=0620"
        syscalls.mount("devpts", str(root / "dev/pts"), "devpts", _NOSUID | _NOEXEC, options)
        (root / "dev/ptmx").symlink_to("pts/ptmx")
    (root / "dev/shm").mkdir()
    for name in ("dev/shm", "tmp", "run"):
        mode = "mode=755" if name == "run" else "mode=1777"
        syscalls.mount("tmpfs", str(root / name), "tmpfs", _NOSUID | _NODEV, mode)
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        if Path(name).is_file():
            _bind(str(Path(name).resolve()), root / name.lstrip("/"), read_only=True)


def _emulate(place: Path, entry: str) -> None:
    """Tell the kernel of an emulator; each user namespace has its own list (Linux 6.7)."""
    if not syscalls.mapped():
        raise OSError("root has the host's emulators alone")
    syscalls.mount("binfmt_misc", str(place), "binfmt_misc", _NOSUID | _NODEV | _NOEXEC)
    (place / "register").write_text(entry)


def _bind(source: str, target: Path, *, read_only: bool = False) -> None:
    if Path(source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    syscalls.mount(source, str(target), "", _BIND | _REC)
    if read_only:
        # What the original forbids may not be allowed again in a user namespace.
        kept = os.statvfs(target).f_flag & (_NOSUID | _NODEV | _NOEXEC)
        syscalls.mount("", str(target), "", _REMOUNT | _BIND | _RDONLY | kept)
