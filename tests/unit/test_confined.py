"""How many compilers may run at once, by what a job, a control group and the memory say."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild import confined
from pdbuild.confined import Share, share

GB = 10**9


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with much memory, and no control groups."""
    (tmp_path / "self").mkdir()
    memory(tmp_path, 256 * GB)
    return tmp_path


def memory(machine: Path, size: int) -> None:
    (machine / "meminfo").write_text(f"MemTotal:       {size // 1024} kB\nMemFree: 1 kB\n")


def group(machine: Path, line: str, **files: str) -> None:
    """Have this process in a group; each of `files` is of one of the groups at or above it."""
    with (machine / "self/cgroup").open("a") as listed:
        listed.write(f"{line}\n")
    for name, text in files.items():
        path = machine / "cgroup" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def count(machine: Path, environment: dict[str, str] | None = None, processors: int = 64) -> Share:
    return share(environment or {}, processors, proc=machine, cgroups=machine / "cgroup")


def test_a_machine_is_used_whole(machine: Path) -> None:
    assert count(machine) == Share(count=64, processors=64)


def test_a_job_uses_what_slurm_gave_it(machine: Path) -> None:
    assert count(machine, {"SLURM_CPUS_ON_NODE": "8"}).count == 8
    both = count(machine, {"SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "4"})
    assert both == Share(count=4, processors=64, why="Slurm's share of the node")
    assert count(machine, {"SLURM_CPUS_PER_TASK": "128"}).count == 64


def test_each_compiler_has_a_gigabyte(machine: Path) -> None:
    memory(machine, 16 * GB)
    assert count(machine) == Share(count=16, processors=64, why="a gigabyte of memory for each")
    memory(machine, GB // 2)
    assert count(machine).count == 1


def test_the_memory_is_that_of_the_job(machine: Path) -> None:
    assert count(machine, {"SLURM_MEM_PER_NODE": "4096"}).count == 4
    each = {"SLURM_MEM_PER_CPU": "500", "SLURM_CPUS_ON_NODE": "8"}
    assert count(machine, each).count == 4
    # 0 is Slurm's word for all that the node has.
    assert count(machine, {"SLURM_MEM_PER_NODE": "0"}).count == 64


def test_groups_of_the_second_version(machine: Path) -> None:
    group(
        machine, "0::/slurm/job_7/step_0",
        **{"slurm/job_7/cpu.max": "300000 100000\n", "slurm/cpu.max": "max 100000\n"},
    )  # fmt: skip
    assert count(machine) == Share(
        count=3, processors=64, why="the control group's share of the processors"
    )
    group(machine, "0::/slurm/job_7", **{"slurm/job_7/memory.max": f"{2 * GB}\n"})
    assert count(machine).count == 2


def test_groups_of_the_first_version(machine: Path) -> None:
    group(
        machine, "4:cpu,cpuacct:/job",
        **{
            "cpu,cpuacct/job/cpu.cfs_quota_us": "250000\n",
            "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
    )  # fmt: skip
    assert count(machine).count == 2
    group(machine, "9:memory:/", **{"memory/memory.limit_in_bytes": f"{(1 << 63) - 4096}\n"})
    assert count(machine).count == 2
    group(machine, "9:memory:/job", **{"memory/job/memory.limit_in_bytes": f"{GB}\n"})
    assert count(machine).count == 1


def test_what_compiles_hears_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        pytest.skip("NOT RUN: this machine has one processor")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    with confined.confined():
        assert subprocess.check_output(["nproc"]) == b"1\n"
    assert os.sched_getaffinity(0) == before
    assert capsys.readouterr().err == "compilers: 1 at once (Slurm's share of the node)\n"
    with confined.confined(len(before)):
        assert os.sched_getaffinity(0) == before
