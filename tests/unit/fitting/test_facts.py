"""What this machine has. The drivers here are stand-ins, which gcc makes."""

import subprocess
from pathlib import Path

import pytest

from pdbuild.fitting import facts
from pdbuild.fitting.facts import Cuda, cpu_features

_WORKS = """
#include <string.h>
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strcpy(name, "Stand-in 9000"); return 0; }
int cuGetErrorName(int code, const char **name) { *name = "CUDA_ERROR_NO_DEVICE"; return 0; }
"""


def test_features_are_those_that_all_cpus_have() -> None:
    text = "processor\t: 0\nflags\t\t: fpu avx avx2\n\nprocessor\t: 1\nflags\t\t: fpu avx\n"
    assert cpu_features(text) == {"fpu", "avx"}
    assert cpu_features("processor : 0\nFeatures : fp asimd\n") == {"fp", "asimd"}
    assert cpu_features("") == frozenset()


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of devices; no driver's library is found."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "lib"))
    (tmp_path / "lib").mkdir()
    (tmp_path / "dev").mkdir()
    return tmp_path / "dev"


def driver(dev: Path, source: str = _WORKS, **changes: str) -> None:
    """A stand-in for the driver's library; `changes` replace what functions do."""
    for name, body in changes.items():
        head, _, rest = source.partition(f"int {name}(")
        arguments, _, rest = rest.partition("{")
        source = f"{head}int {name}({arguments}{{ {body} }}{rest.partition('}')[2]}"
    library = dev.parent / "lib" / "libcuda.so.1"
    subprocess.run(
        ["gcc", "-w", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
        input=source, text=True, check=True,
    )  # fmt: skip


def device(dev: Path) -> None:
    (dev / "nvidia0").touch()


def lacking(dev: Path) -> str:
    found = facts.cuda(dev)
    assert not found.name
    return found.why


def test_all_of_it_works(dev: Path) -> None:
    driver(dev)
    device(dev)
    assert facts.cuda(dev) == Cuda(name="Stand-in 9000")


def test_there_is_nothing(dev: Path) -> None:
    assert lacking(dev) == "there is no NVIDIA driver, and no device"


def test_a_device_without_a_driver(dev: Path) -> None:
    device(dev)
    assert "nvidia0 is there, but no driver" in lacking(dev) and "libcuda.so.1" in lacking(dev)


def test_a_driver_without_a_device(dev: Path) -> None:
    driver(dev)
    assert lacking(dev) == f"there is a driver, but no device in {dev}"
    driver(dev, cuInit="return 100;")
    assert lacking(dev) == "the driver does not work: cuInit says CUDA_ERROR_NO_DEVICE"


def test_a_device_file_that_is_nothing_more(dev: Path) -> None:
    device(dev)
    driver(dev, cuDeviceGetCount="*count = 0; return 0;")
    assert lacking(dev) == "the driver knows no device"


def test_a_broken_driver(dev: Path) -> None:
    device(dev)
    driver(dev, cuInit="return 999;", cuGetErrorName="return 1;")
    assert lacking(dev) == "the driver does not work: cuInit says 999"
    driver(dev, cuInit="*(volatile int *)0 = 1; return 0;")
    assert lacking(dev) == "the driver crashes (signal 11)"
    driver(dev, "int other(void) { return 0; }")
    assert "the driver's library is none" in lacking(dev)
    (dev.parent / "lib/libcuda.so.1").write_text("x")
    assert "no driver: the driver's library cannot be loaded" in lacking(dev)


def test_a_driver_that_never_answers(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device(dev)
    driver(dev, cuInit="for (;;) sleep(1); return 0;")
    monkeypatch.setattr(facts, "_SECONDS", 0.5)
    assert lacking(dev) == "the driver does not answer within 0.5 seconds"


def test_whether_containers_can_be_given_one(tmp_path: Path) -> None:
    folders = (str(tmp_path), str(tmp_path / "none"))
    assert not facts.described(folders)
    (tmp_path / "other.yaml").write_text("kind: vendor.example/net\n")
    assert not facts.described(folders)
    (tmp_path / "nvidia.yaml").write_text("kind: nvidia.com/gpu\n")
    assert facts.described(folders)
