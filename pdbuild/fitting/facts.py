"""What this machine has: the features of its CPU, and a GPU that can be used, or why there is none.

A GPU counts when all of it works: the driver's library, a device, and a call. A device without a
driver, a library without a device, and a driver that is broken each say so.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError

_SECONDS = 20
_DEVICES = ("nvidia[0-9]*", "dxg")  # Linux; WSL 2
_DESCRIPTIONS = ("/etc/cdi", "/var/run/cdi")

#: What podman gives a container all GPUs by.
DEVICE = "nvidia.com/gpu=all"

# In a process of its own: a broken driver may crash it, or never come back.
# https://docs.nvidia.com/cuda/cuda-driver-api/
_PROBE = """
import ctypes, json, sys
def end(**told):
    print(json.dumps(told)); sys.exit()
try:
    driver = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    end(why=f"the driver's library cannot be loaded: {error}")
try:
    calls = driver.cuInit, driver.cuDeviceGetCount, driver.cuDeviceGet, driver.cuDeviceGetName
except AttributeError as error:
    end(why=f"the driver's library is none: {error}")
init, count_of, get, name_of = calls
def check(code, what):
    if code:
        name = ctypes.c_char_p()
        try:
            driver.cuGetErrorName(code, ctypes.byref(name))
        except AttributeError:
            pass
        end(why=f"the driver does not work: {what} says {(name.value or b'').decode() or code}")
check(init(0), "cuInit")
count = ctypes.c_int()
check(count_of(ctypes.byref(count)), "cuDeviceGetCount")
if not count.value:
    end(why="the driver knows no device")
device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
check(get(ctypes.byref(device), 0), "cuDeviceGet")
check(name_of(name, 256, device), "cuDeviceGetName")
end(name=name.value.decode(errors="replace"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuda:
    """A GPU: its name, or "" and why none can be used."""

    name: str = ""
    why: str = ""


def cpu_features(cpuinfo: str) -> frozenset[str]:
    """The features that all CPUs have, of the text of /proc/cpuinfo."""
    lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    return (
        frozenset.intersection(*(frozenset(line.split()) for line in lines))
        if lines
        else frozenset()
    )


def here() -> frozenset[str]:
    """The features of this machine's CPUs."""
    try:
        return cpu_features(Path("/proc/cpuinfo").read_text(errors="replace"))
    except OSError:
        return frozenset()


def cuda(dev: Path = Path("/dev")) -> Cuda:
    """The first GPU, if one can be used; `dev` has the devices."""
    devices = [path.name for pattern in _DEVICES for path in dev.glob(pattern)]
    told = _probed()
    if devices or not told.name:
        if devices and "cannot be loaded" in told.why:
            return Cuda(why=f"{dev}/{devices[0]} is there, but no driver: {told.why}")
        if not devices and "cannot be loaded" in told.why:
            return Cuda(why="there is no NVIDIA driver, and no device")
        return told
    return Cuda(why=f"there is a driver, but no device in {dev}")


def _probed() -> Cuda:
    try:
        argv = (sys.executable, "-I", "-c", _PROBE)
        done = programs.run(*argv, timeout=_SECONDS, quick=True)
    except EngineError:
        return Cuda(why=f"the driver does not answer within {_SECONDS} seconds")
    if done.code:
        how = f"signal {-done.code}" if done.code < 0 else f"exit code {done.code}"
        return Cuda(why=f"the driver crashes ({how})")
    return Cuda(**json.loads(done.out.splitlines()[-1]))


def described(folders: Sequence[str] = _DESCRIPTIONS) -> bool:
    """Whether containers can be given a GPU: a file of the Container Device Interface names it."""
    files = (file for folder in folders for file in Path(folder).glob("*") if file.is_file())
    return any(b"nvidia.com/gpu" in file.read_bytes() for file in files if os.access(file, os.R_OK))
