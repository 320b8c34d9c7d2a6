"""Emulators of other platforms: found without running anything, registered in a user namespace."""

import os
import subprocess
from pathlib import Path

import pytest

from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, native

ARM = PLATFORMS["linux/arm64"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH that is all there is, and a host that knows no emulator."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(emulators.tools, "search_path", lambda: str(folder))
    monkeypatch.setattr(emulators, "_HOST", tmp_path / "host")
    monkeypatch.setattr(emulators, "native", lambda: PLATFORMS["linux/amd64"])
    return folder


def put(path: Path, content: bytes = b"\x7fELF\x02") -> Path:
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def test_entry_says_which_files_are_meant() -> None:
    line = emulators.entry(ARM, Path("/usr/bin/qemu-aarch64-static"))
    _, name, kind, offset, magic, mask, path, flags = line.split(":")
    assert (name, kind, offset, flags) == ("qemu-aarch64", "M", "", "F")
    assert path == "/usr/bin/qemu-aarch64-static"
    read = bytes.fromhex(magic.replace("\\x", ""))
    masked = bytes.fromhex(mask.replace("\\x", ""))
    assert len(read) == len(masked) == 20

    def fits(file: bytes) -> bool:
        return all(f & m == r & m for f, m, r in zip(file, masked, read, strict=True))

    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    assert fits(head + b"\x02\x00\xb7\x00") and fits(head + b"\x03\x00\xb7\x00")
    assert not fits(head + b"\x02\x00\x3e\x00")
    # Objects are no programs, and those of another class are another machine's.
    assert not fits(head + b"\x01\x00\xb7\x00")
    assert not fits(b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00")


def test_only_what_is_static_serves(programs: Path) -> None:
    dynamic = put(programs / "qemu-aarch64", b"\x7fELF\x02" + bytes(60) + b"/lib64/ld-linux-x86-64")
    assert emulators.interpreters() == {}
    dynamic.write_bytes(b"#!/bin/sh\n")
    assert emulators.interpreters() == {}
    static = put(programs / "qemu-aarch64-static")
    assert emulators.interpreters() == {"linux/arm64": static}
    static.unlink()
    put(programs / "qemu-aarch64")
    assert emulators.interpreters() == {"linux/arm64": programs / "qemu-aarch64"}


def test_the_hosts_interpreter_will_do(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    elsewhere = put(tmp_path / "elsewhere")
    entry = tmp_path / "host/qemu-riscv64"
    entry.write_text(f"enabled\ninterpreter {elsewhere}\nflags: F\n")
    assert emulators.interpreters() == {"linux/riscv64": elsewhere}
    assert emulators.host_runs(PLATFORMS["linux/riscv64"])
    entry.write_text(f"enabled\ninterpreter {elsewhere}\nflags: OC\n")
    assert not emulators.host_runs(PLATFORMS["linux/riscv64"])
    assert not emulators.host_runs(ARM)


def test_nothing_is_put_before_a_command_without_an_emulator(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert emulators.words(tmp_path) == []
    put(programs / "qemu-aarch64-static")
    # The kernel's own list is root's to change, and no business of ours.
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert emulators.words(tmp_path) == []
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    words = emulators.words(tmp_path)
    assert words[0] == "sh" and Path(words[2]).read_text().startswith(":qemu-aarch64:M::")


def test_the_kernel_takes_the_entries_and_the_hosts_are_not_touched(tmp_path: Path) -> None:
    found = emulators.interpreters()
    if not found:
        pytest.skip("NOT RUN: no qemu-user-static here")
    name, path = next(iter(found.items()))
    assert name != native().name
    entries = tmp_path / "entries"
    entries.write_text(emulators.entry(PLATFORMS[name], path) + "\n")
    script = Path(emulators.__file__).with_name("emulators.sh")
    here = Path("/proc/sys/fs/binfmt_misc")
    before = sorted(here.iterdir()) if here.is_dir() else []
    show = f"cat {here}/qemu-{PLATFORMS[name].qemu}"
    inside = ("sh", "-c", f"[ -e {here}/register ] || exit 77; {show}")
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", script, entries, *inside],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("NOT RUN: this kernel has no binfmt_misc of a user namespace")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("enabled\n") and "flags: F" in done.stdout
    assert (sorted(here.iterdir()) if here.is_dir() else []) == before
