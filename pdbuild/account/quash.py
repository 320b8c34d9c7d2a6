"""A program of its own: runs a command for which giving files to others succeeds.

    python -I quash.py files COMMAND…
    python -I quash.py everything COMMAND…
    python -I quash.py new COMMAND…

In a user namespace with one id, chown to another one fails with EINVAL, and maintainer scripts
give up. A seccomp filter answers that call with success instead, and nothing happens. With
`everything` it is so too for calls by which a process becomes somebody else, which apt makes.
It holds for all that the command starts. Nothing is granted: the calls are not made at all.

With `new` there are no calls of files that proot does not know, as on an older kernel: it would
let them through to the host's files. Programs take the older calls then.
"""

import ctypes
import os
import platform
import struct
import sys

# System call numbers, arch/x86/entry/syscalls/syscall_64.tbl and asm-generic/unistd.h.
_X86_64 = {
    "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260,
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116,
    "setresuid": 117, "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "capset": 126,
}  # fmt: skip
_AARCH64 = {
    "fchown": 55, "fchownat": 54,
    "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setgroups": 159,
    "setresuid": 147, "setresgid": 149, "setfsuid": 151, "setfsgid": 152, "capset": 91,
}  # fmt: skip

# From 424 on a call has one number on all machines.
_NEW = {"openat2": 437, "faccessat2": 439, "mount_setattr": 442, "fchmodat2": 452}
_NEW |= {"open_tree": 428, "setxattrat": 463, "getxattrat": 464, "file_getattr": 468}
_STATX = {"x86_64": 332, "aarch64": 291}

# AUDIT_ARCH of linux/audit.h, and the calls.
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}

_ALLOW = 0x7FFF0000
_SUCCEED = 0x00050000  # SECCOMP_RET_ERRNO with 0
_NO_SUCH_CALL = _SUCCEED | 38  # ENOSYS
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data


def program(machine: str, which: str) -> bytes:
    """The filter as an array of struct sock_filter. Raises KeyError for an unknown machine."""
    arch, calls = _MACHINES[machine]
    numbers = [n for name, n in calls.items() if which == "everything" or "chown" in name]
    answer = _SUCCEED
    if which == "new":
        numbers, answer = [_STATX[machine], *_NEW.values()], _NO_SUCH_CALL
    words = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_IF_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for place, number in enumerate(numbers):
        words.append((_JUMP_IF_EQUAL, len(numbers) - place, 0, number))
    words += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, answer)]
    return b"".join(struct.pack("HBBI", *word) for word in words)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _install(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code)
    described = _Program(len(code) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    # PR_SET_NO_NEW_PRIVS, which a filter needs; PR_SET_SECCOMP with SECCOMP_MODE_FILTER
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.byref(described), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    _install(program(platform.machine(), sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
