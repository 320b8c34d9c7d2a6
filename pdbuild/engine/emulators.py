"""Emulators for the programs of other platforms, in the builds of an account without root.

The kernel starts them (binfmt_misc, of which each user namespace has had its own since Linux
6.7), so what builds has only to run a program. The host's entries are never touched. As root
there is no namespace to have one: then the host's own serve, if it has them.
"""

import os
import re
import shutil
from pathlib import Path

from pdbuild import tools
from pdbuild.platforms import PLATFORMS, Platform, native

#: The file for the kernel, in the folder that `words` is given.
ENTRIES = "emulators"

_HOST = Path("/proc/sys/fs/binfmt_misc")


def words(run: Path) -> list[str]:
    """The words before a command that let it run programs of other platforms.

    They are for the inside of a user namespace; `run` is a folder for what they read. Without
    an emulator, or on an older kernel, the command runs as it is.
    """
    found = interpreters()
    if not found or os.getuid() == 0:
        return []
    entries = run / ENTRIES
    entries.write_text("".join(f"{entry(PLATFORMS[n], path)}\n" for n, path in found.items()))
    return ["sh", str(Path(__file__).with_name("emulators.sh")), str(entries)]


def interpreters() -> dict[str, Path]:
    """The emulators that are here, by the platform that they are for: no more than a look."""
    mine = native().name
    found = {name: _interpreter(p) for name, p in PLATFORMS.items() if name != mine}
    return {name: path for name, path in found.items() if path}


def _interpreter(platform: Platform) -> Path | None:
    for name in (f"qemu-{platform.qemu}-static", f"qemu-{platform.qemu}"):
        found = shutil.which(name, path=tools.search_path())
        # It is opened here, and the libraries that it would need are those of the step.
        if found and is_static(Path(found)):
            return Path(found).resolve()
    entry = _HOST / f"qemu-{platform.qemu}"
    try:
        named = re.search(r"^interpreter (.+)$", entry.read_text(), re.MULTILINE)
    except OSError:
        return None
    path = Path(named[1]) if named else None
    return path if path and os.access(path, os.X_OK) else None


def host_runs(platform: Platform) -> bool:
    """Whether the host's kernel runs the platform's programs in containers, too (flag F)."""
    try:
        lines = (_HOST / f"qemu-{platform.qemu}").read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags


def is_static(program: Path) -> bool:
    """Whether a program needs no dynamic loader."""
    try:
        with program.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and b"/ld-linux" not in head and b"/ld-musl" not in head


def entry(platform: Platform, interpreter: Path) -> str:
    """The line that the kernel is told: which files `interpreter` runs.

    F: it is opened now, so it need not be in a container. The kernel reads the escapes.
    """
    kind = b"\x7fELF" + bytes([1 if platform.bits == 32 else 2, 1, 1])
    magic = kind + bytes(9) + b"\x02\x00" + platform.elf.to_bytes(2, "little")
    # Of whatever system; and a program, or a library that is one.
    mask = b"\xff" * 7 + bytes(9) + b"\xfe\xff\xff\xff"
    return f":qemu-{platform.qemu}:M::{_escaped(magic)}:{_escaped(mask)}:{interpreter}:F"


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
