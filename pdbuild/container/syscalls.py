"""System calls that Python has no functions for; each raises OSError that says what failed."""

import ctypes
import functools
import os
from pathlib import Path


def mapped() -> bool:
    """Whether root here is somebody else outside."""
    return Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    words = [text.encode() for text in (source, target, kind)]
    result = libc().mount(*words, flags, options.encode() or None)
    checked(result, f"mount {kind or source} on {target}")


def pivot_root() -> int:
    """The system call's number, which the C library has no function for."""
    return {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}[
        os.uname().machine
    ]


def prctl(option: int, value: int) -> None:
    """prctl(2) with one value."""
    checked(libc().prctl(option, value, 0, 0, 0), "prctl")


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library."""
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.c_char_p
    library.mount.argtypes = (text, text, text, ctypes.c_ulong, text)
    return library


def checked(result: int, what: str) -> None:
    """Raise OSError when a call's result says that `what` failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
