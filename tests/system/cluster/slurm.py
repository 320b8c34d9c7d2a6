"""A real Slurm on this machine: munged, slurmctld, and two slurmd that are two nodes.

Debian's packages, with all of their state in one folder, and gone when the tests are. The nodes
have 64 CPUs each, as far as Slurm knows, and the first a GPU that is /dev/zero.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).parents[3]

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")

# proctrack/linuxproc: this machine's control groups may be of the first version, or mixed.
_CONFIGURATION = """\
ClusterName=pdtest
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
SlurmdUser=root
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/state/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=15
{nodes}
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=01:00:00 OverTimeLimit=0 State=UP
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """A cluster that runs. `env` is what its commands need.

    The nodes' `folder/strict` is a disk without programs, setuid and devices, as some homes are on,
    and so is their `/etc/hosts`.
    """

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def asked(self, *words: str) -> str:
        """What a command of Slurm's prints, as root."""
        done = subprocess.run(
            words, env=os.environ | self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """What the daemons wrote last."""
        parts = []
        for log in sorted((self.folder / "log").glob("*.log")):
            parts += [f"== {log.name}", *log.read_text(errors="replace").splitlines()[-15:]]
        return "\n".join(parts)

    def idle(self, seconds: float = 40) -> None:
        """Wait until no job is left and both nodes are free."""
        deadline = time.monotonic() + seconds
        while self.asked("squeue", "--noheader") or self._nodes() != ["idle", "idle"]:
            assert time.monotonic() < deadline, f"{self.asked('squeue')}{self.logs()}"
            time.sleep(0.2)

    def idle_but(self, job: str, seconds: float = 60) -> None:
        """Wait until a job waits for its turn, and both nodes are free."""
        deadline = time.monotonic() + seconds
        words = ("squeue", "--noheader", f"--jobs={job}", "--format=%T")
        while self.asked(*words).strip() != "PENDING" or self._nodes() != ["idle", "idle"]:
            assert time.monotonic() < deadline, f"{self.asked('squeue')}{self.logs()}"
            time.sleep(0.2)

    def _nodes(self) -> list[str]:
        return self.asked("sinfo", "--noheader", "--Node", "--format=%T").split()


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """Bring it up, with all that it writes in `folder`, and take it down again.

    Fails when it cannot be had: `scripts/setup test` installs what it needs.
    """
    lacking = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    assert not lacking, f"{', '.join(lacking)}: `scripts/setup test` installs Debian's slurm-wlm"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    _configure(folder)
    made = Slurm(folder=folder)
    pids: list[Path] = []
    try:
        for pid, words in _daemons(folder):
            pids.append(pid)
            done = subprocess.run(
                words, env=os.environ | made.env | {"PATH": _PATH},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{words}: {done.stderr}\n{made.logs()}"
        made.idle()
        yield made
    finally:
        with contextlib.suppress(AssertionError):
            made.asked("scancel", "--state=RUNNING", "--state=PENDING", "--user=root", "--quiet")
        for pid in reversed(pids):
            _stop(pid)


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _configure(folder: Path) -> None:
    for name, owner in {"state": "slurm", "log": "slurm", "munge": "munge"}.items():
        (folder / name).mkdir()
        account = pwd.getpwnam(owner)
        os.chown(folder / name, account.pw_uid, account.pw_gid)
    (folder / "strict").mkdir()
    for node in ("n1", "n2"):
        (folder / f"spool.{node}").mkdir()
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    munge = pwd.getpwnam("munge")
    os.chown(key, munge.pw_uid, munge.pw_gid)
    ports = dict(zip(("controller", "first", "second"), _free_ports(3), strict=True))
    host = socket.gethostname()
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[port]} "
        f"CPUs=64 RealMemory=4000 {gres} State=UNKNOWN"
        for name, port, gres in (("n1", "first", "Gres=gpu:1"), ("n2", "second", ""))
    )
    text = _CONFIGURATION.format(
        host=host, folder=folder, nodes=nodes, controller=ports["controller"]
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "oci.conf").write_text(_containers())
    os.mknod(folder / "fuse", 0o666 | stat.S_IFCHR, os.makedev(10, 229))
    (folder / "fuse").chmod(0o666)
    (folder / "gres.conf").write_text("NodeName=n1 Name=gpu Count=1 File=/dev/zero\n")


def _containers() -> str:
    """What `srun --container` starts, as the administrators' page has it."""
    text = (_CHECKOUT / "docs/administrators.md").read_text()
    return text.partition("```cfg\n")[2].partition("```")[0]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        made = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in made]


def _daemons(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each daemon's file with its process id, and how it is started."""
    own = folder / "munge"
    munged = ["runuser", "-u", "munge", "--", "munged", "--force", f"--key-file={own}/key"]
    munged += [f"--socket={own}/socket", f"--pid-file={own}/pid", f"--log-file={own}/log"]
    yield own / "pid", [*munged, f"--seed-file={own}/seed"]
    yield folder / "state/slurmctld.pid", ["slurmctld", "-f", f"{folder}/slurm.conf"]
    for node in ("n1", "n2"):
        # Each node sees a /dev/fuse that users may open, as udev makes it, and its own mounts.
        inside = (
            f"mount --bind {folder}/fuse /dev/fuse"
            f" && mount -t tmpfs -o nosuid,nodev,noexec none {folder}/strict"
            " && mount --bind /etc/hosts /etc/hosts"
            " && mount -o remount,bind,nosuid,nodev,noexec /etc/hosts"
            f" && exec slurmd -N {node} -f {folder}/slurm.conf"
        )
        words = ["unshare", "--mount", "sh", "-ec", inside]
        yield folder / f"slurmd.{node}.pid", words


def _stop(file: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
                time.sleep(0.05)
