"""Debian 13 in a virtual machine: a kernel, systemd, sessions and control groups as users have."""

import contextlib
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import disk

_OPTIONS = (
    *("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"),
    "ConnectTimeout=20",
)
_SECONDS = 600  # to start, until somebody can log in: 15 where the CPU does it, and else minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that runs; `said` is the file with what its console said."""

    port: int
    key: Path
    said: Path

    def login(self, user: str, *options: str) -> list[str]:
        """The words of an SSH client before a command of `user`'s; `options` are the client's."""
        words = [word for option in _OPTIONS for word in ("-o", option)]
        return ["ssh", *words, *options, "-i", f"{self.key}", f"-p{self.port}", f"{user}@127.0.0.1"]

    def does(
        self, user: str, command: str, *, input: str = "", timeout: float = 1200
    ) -> subprocess.CompletedProcess[str]:
        """Log in and run a line of the shell; its exit code is not checked."""
        return subprocess.run(
            [*self.login(user), command], input=input, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def succeeds(self, user: str, command: str, *, timeout: float = 1200) -> str:
        """The same, which must succeed; what it printed."""
        done = self.does(user, command, timeout=timeout)
        said = f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
        assert done.returncode == 0, f"{user}: {command}: {said}"
        return done.stdout

    def give(self, folder: Path, to: str, user: str = "root") -> None:
        """Copy a folder's content to one of the machine's, which `user` owns then."""
        place = shlex.quote(to)
        command = f"mkdir -p {place} && tar -C {place} --no-same-owner -x"
        # Not the folder itself, of which tar says that it changed when its times do.
        names = [entry.name for entry in folder.iterdir()]
        argv = ["tar", "-C", folder, "-c", "--", *names]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as packed:
            subprocess.run([*self.login(user), command], stdin=packed.stdout, check=True)
        assert packed.returncode == 0

    def account(self, name: str, *, subordinate: bool, home: str = "") -> None:
        """Make an account that can log in, as `useradd` does: with subordinate ids, or without."""
        place = home or f"/home/{name}"
        line = f"/usr/sbin/useradd --create-home --home-dir {place} --shell /bin/bash {name}"
        self.succeeds("root", line)
        if not subordinate:
            self.succeeds("root", f"sed -i /^{name}:/d /etc/subuid /etc/subgid")
        self.succeeds(
            "root",
            f"su {name} -c 'umask 077; mkdir ~/.ssh; cat >~/.ssh/authorized_keys'"
            f" <~/.ssh/authorized_keys",
        )


@contextlib.contextmanager
def running(folder: Path, *, processors: int = 2, memory: str = "5G") -> Iterator[Machine]:
    """Start a machine; what it writes to its disk goes with it. `folder` is for its console."""
    made = disk.made()
    said = folder / "console"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [
        *("qemu-system-x86_64", *_processor(), "-smp", f"{processors}"),
        *("-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-serial", f"file:{said}", "-device", "virtio-rng-pci"),
        *("-kernel", f"{made}/vmlinuz", "-initrd", f"{made}/initrd.img"),
        *("-append", "root=/dev/vda rw console=ttyS0 quiet"),
        *("-drive", f"file={made}/disk,format=raw,if=virtio,snapshot=on,cache=unsafe"),
        *("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=n,romfile="),
    ]
    environment = {**os.environ, "TMPDIR": "/var/tmp"}  # where the snapshot grows
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=environment) as process:
        machine = Machine(port=port, key=made / "key", said=said)
        try:
            _wait(machine, process)
            yield machine
        finally:
            process.kill()  # its disk is thrown away: there is nothing to save


def _processor() -> tuple[str, ...]:
    """The CPU itself, or one that is played, twenty times slower.

    On machines that are virtual themselves, /dev/kvm may be there and run kernels of its own only.
    """
    if any(Path("/sys/module", name).is_dir() for name in ("kvm_intel", "kvm_amd")):
        return ("-accel", "kvm", "-cpu", "host")
    return ("-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max")


def _wait(machine: Machine, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _SECONDS
    while machine.does("root", "systemctl is-system-running --wait").returncode == 255:
        last = machine.said.read_text(errors="replace")[-2000:] if machine.said.exists() else ""
        assert process.poll() is None and time.monotonic() < deadline, last
        time.sleep(0.5)
