"""How many compilers may run at once here, and no more: a job's share of a node, not the node.

Everything that compiles asks how many processors it may use, in its own way: nproc, make, ninja,
Go. All of them hear of a process's affinity, which its children inherit, also into a build's
steps. So that is what is set, for as long as something is built.
"""

import contextlib
import os
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: What a compiler of C++ may need, in bytes.
COMPILER = 10**9

_CGROUPS = Path("/sys/fs/cgroup")
# An unlimited group of the first version has a number close to 2^63.
_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many compilers at once, of how many processors, and what says so ("" for nothing)."""

    count: int
    processors: int
    why: str = ""


def share(
    environment: Mapping[str, str], processors: int, *, proc: Path = Path("/proc"),
    cgroups: Path = _CGROUPS,
) -> Share:  # fmt: skip
    """What this process may use of the `processors` that it can run on."""
    groups = tuple(_groups(proc / "self/cgroup", cgroups))
    limits = [
        (_job(environment), "Slurm's share of the node"),
        (_quota(groups), "the control group's share of the processors"),
        (_memory(environment, groups, proc) // COMPILER, "a gigabyte of memory for each"),
    ]
    count, why = min(((max(1, n), why) for n, why in limits if n is not None), key=lambda x: x[0])
    if count >= processors:
        return Share(count=processors, processors=processors)
    return Share(count=count, processors=processors, why=why)


@contextlib.contextmanager
def confined(jobs: int = 0) -> Iterator[None]:
    """Let what is started meanwhile use this process's share, or `jobs` processors.

    A share that is smaller than what is there is said on stderr.
    """
    allowed = os.sched_getaffinity(0)
    found = share(os.environ, len(allowed))
    count = min(jobs or found.count, len(allowed))
    if count == len(allowed):
        yield
        return
    if not jobs:
        print(f"compilers: {count} at once ({found.why})", file=sys.stderr)
    # Not always the same ones: another job of the node may have done as we do.
    os.sched_setaffinity(0, random.sample(sorted(allowed), count))
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _job(environment: Mapping[str, str]) -> int | None:
    """The processors that Slurm gave this task, which not every cluster enforces."""
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        if environment.get(name, "").isdigit():
            return int(environment[name])
    return None


def _memory(environment: Mapping[str, str], groups: tuple[Path, ...], proc: Path) -> int:
    """The bytes of memory that this process may use: the machine's, the group's, the job's."""
    found = [_total(proc)]
    for name in ("memory.max", "memory.limit_in_bytes"):
        found += [n for group in groups if (n := _number(group / name)) and n < _UNLIMITED]
    megabytes = {name: environment.get(f"SLURM_MEM_PER_{name}", "") for name in ("NODE", "CPU")}
    if megabytes["NODE"].isdigit() and int(megabytes["NODE"]):
        found.append(int(megabytes["NODE"]) << 20)
    elif megabytes["CPU"].isdigit():
        found.append((int(megabytes["CPU"]) << 20) * (_job(environment) or 1))
    return min(found)


def _total(proc: Path) -> int:
    try:
        words = (proc / "meminfo").read_text().split()
        return int(words[words.index("MemTotal:") + 1]) << 10
    except (OSError, ValueError, IndexError):
        return _UNLIMITED


def _quota(groups: tuple[Path, ...]) -> int | None:
    """The processors' time that the group gets, in whole processors."""
    found = []
    for group in groups:
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = (group / "cpu.max").read_text().split()
            found.append(int(quota) // int(period))  # "max" is no number
        used, whole = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        if used and whole and used > 0:
            found.append(used // whole)
    return min(found, default=None)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _groups(listed: Path, cgroups: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, and of all above them."""
    try:
        lines = listed.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = [*controllers.split(","), controllers] if controllers else ["", "unified"]
        for top in {cgroups / name for name in names}:
            at = Path(path.lstrip("/"))
            while True:
                yield top / at
                if at == Path():
                    break
                at = at.parent
