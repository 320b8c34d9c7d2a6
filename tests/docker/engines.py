"""Docker Engines of a test session's own: started as root, stopped, and nothing left of them."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that answers at `address`; `programs` is the folder of its own, "" for PATH."""

    address: str
    folder: Path
    version: str
    programs: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The environment in which root's client talks to it."""
        return {**os.environ, "DOCKER_HOST": self.address}

    def docker(self, *words: str) -> str:
        """What root's client prints."""
        done = subprocess.run(
            ["docker", *words], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


@contextlib.contextmanager
def running(*, programs: str = "") -> Iterator[Engine]:
    """An engine, for users of the group docker. The test fails when it does not start."""
    _remove_stale()
    folder = Path(tempfile.mkdtemp(prefix=f"pdbdocker{os.getpid()}-", dir="/var/tmp"))
    folder.chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin".lstrip(":")
    dockerd = shutil.which("dockerd", path=path)
    if dockerd is None:
        pytest.fail("there is no dockerd: `scripts/setup test` installs docker.io")
    address = f"unix://{folder}/docker.sock"
    with _network() as bridge, (folder / "log").open("w") as log:
        engine = subprocess.Popen(
            # It ends with the session, also when that is killed.
            ["setpriv", "--pdeathsig=TERM", dockerd, f"--host={address}", "--group=docker",
             f"--data-root={folder}/root", f"--exec-root={folder}/exec",
             f"--pidfile={folder}/pid", f"--bridge={bridge}"],
            stdout=log, stderr=log, env={**os.environ, "PATH": path}, start_new_session=True,
        )  # fmt: skip
        try:
            yield Engine(
                address=address, folder=folder, version=_answer(engine, address, folder / "log"),
                programs=programs,
            )  # fmt: skip
        finally:
            _stop(engine)
            _remove(folder)


def _answer(engine: "subprocess.Popen[bytes]", address: str, log: Path) -> str:
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(
            ["docker", f"--host={address}", "version", "--format={{.Server.Version}}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return done.stdout.strip()
        if engine.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"dockerd does not start here:\n{log.read_text()[-3000:]}{done.stderr}")
        time.sleep(0.1)


def _stop(engine: "subprocess.Popen[bytes]") -> None:
    engine.send_signal(signal.SIGTERM)
    try:
        engine.wait(30)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


def _remove(folder: Path) -> None:
    """The engine's folder, and what is still mounted below it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    places = [line.split()[4] for line in lines if line.split()[4].startswith(f"{folder}/")]
    for place in sorted(places, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False)
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)


def _remove_stale() -> None:
    """What sessions that were killed have left; their engines have ended with them."""
    for folder in Path("/var/tmp").glob("pdbdocker*-*"):
        if _ended(folder.name):
            _remove(folder)
    for bridge in Path("/sys/class/net").glob("pdbd*n*"):
        if _ended(bridge.name):
            subprocess.run(["ip", "link", "delete", bridge.name], check=False)


def _ended(name: str) -> bool:
    session = re.search(r"\d+", name)
    return bool(session) and not Path("/proc", session[0]).exists()


@contextlib.contextmanager
def _network() -> Iterator[str]:
    """A bridge for an engine alone, beside that of another one. All that the engine has changed is
    as it was at the end: rules of the firewall, and whether packets are forwarded.
    """
    forwarding, before = _FORWARDING.read_text(), _rules()
    number = next(_NUMBERS)
    name = f"pdbd{os.getpid()}n{number}"
    address = f"172.{24 + number}.{os.getpid() % 250}.1/24"
    ip = ("ip", "link")
    subprocess.run([*ip, "add", name, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
        subprocess.run([*ip, "set", name, "up"], check=True)
        yield name
    finally:
        subprocess.run([*ip, "delete", name], check=True)
        # What all engines share stays for those that run.
        gone = (name,) if _others() else (name, "DOCKER")
        lines = (line for line in _rules() if not any(word in line for word in gone))
        kept = [_policy(line, before) for line in lines]
        subprocess.run(["iptables-restore"], input="\n".join([*kept, ""]), text=True, check=True)
        _FORWARDING.write_text(forwarding)


def _others() -> bool:
    names = Path("/proc").glob("[0-9]*/comm")
    found = []
    for name in names:
        with contextlib.suppress(OSError):
            state = name.with_name("stat").read_text().rpartition(")")[2].split()[0]
            found += [name] if name.read_text() == "dockerd\n" and state != "Z" else []
    return bool(found)


def _policy(line: str, before: list[str]) -> str:
    """A line of the rules, with the policy of forwarding as it was before."""
    if not line.startswith(":FORWARD "):
        return line
    return next((old for old in before if old.startswith(":FORWARD ")), line)


def _rules() -> list[str]:
    done = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
