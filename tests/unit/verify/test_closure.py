"""closure: each claim holds for a sound image, and fails for a planted fault."""

from pathlib import Path
from typing import Any

import pytest
from verify_bits import At, claims, compiled, fails, holds, one, subject

from pdbuild.platforms import PLATFORMS, Platform
from pdbuild.verify import closure
from pdbuild.verify.finding import Verdict
from pdbuild.verify.subject import Subject

_LIBRARY = "int twice(int x) { return 2 * x; }"
_STATUS = "/var/lib/dpkg/status"


def library(source: str = _LIBRARY) -> bytes:
    """A library called libtwice.so.1, which needs no other."""
    return compiled(source, "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libtwice.so.1")


def needing(name: str = "libtwice.so.1", *flags: str) -> bytes:
    """A program with DT_NEEDED of this name."""
    stub = "-Wl,--no-as-needed"
    return compiled(
        "int twice(int); int _start(void) { return twice(0); }",
        *("-nostdlib", "-pie", "-fPIE", stub, *flags), _stub(name),
    )  # fmt: skip


def _stub(name: str) -> str:
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.gettempdir(), "pdbuild-verify-stubs")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-stub.so"
    if not path.exists():
        made = compiled(_LIBRARY, "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{name}")
        path.write_bytes(made)
    return str(path)


def made(files: dict[str, Any], **facts: Any) -> Subject:
    return subject(files, **facts)


SOUND: dict[str, Any] = {
    "/usr/bin/thing": needing(),
    "/usr/lib/x86_64-linux-gnu/libtwice.so.1": library(),
}


def test_a_sound_image() -> None:
    for words in ("finds its libraries", "undefined", "RPATH", "all code is for linux/amd64"):
        holds(closure.check(made(SOUND)), words)


def test_a_library_is_missing() -> None:
    found = closure.check(made({"/usr/bin/thing": SOUND["/usr/bin/thing"]}))
    fails(found, "finds its libraries", "/usr/bin/thing: no libtwice.so.1")


def test_a_library_is_where_nobody_looks_for_it() -> None:
    lost = {"/usr/bin/thing": needing(), "/opt/thing/libtwice.so.1": library()}
    fails(closure.check(made(lost)), "finds its libraries", "no libtwice.so.1")
    env = {"env": ("LD_LIBRARY_PATH=/opt/thing",)}
    holds(closure.check(made(lost, config=env)), "finds its libraries")
    origin = lost | {
        "/usr/bin/thing": needing("libtwice.so.1", "-Wl,-rpath,$ORIGIN/../../opt/thing")
    }
    holds(closure.check(made(origin)), "finds its libraries")
    cached = lost | {"/etc/ld.so.conf": b"include ld.so.conf.d/*.conf\n",
                     "/etc/ld.so.conf.d/thing.conf": b"# ours\n/opt/thing\n"}  # fmt: skip
    fails(closure.check(made(cached)), "finds its libraries", "libtwice")
    holds(closure.check(made(cached | {"/etc/ld.so.cache": b"x"})), "finds its libraries")


def test_a_library_is_for_another_machine() -> None:
    other = bytearray(library())
    other[18:20] = b"\xb7\x00"  # EM_AARCH64
    files = SOUND | {"/usr/lib/x86_64-linux-gnu/libtwice.so.1": bytes(other)}
    fails(closure.check(made(files)), "finds its libraries", "no libtwice.so.1")
    fails(closure.check(made(files)), "all code is for", "libtwice.so.1: EM_AARCH64, 64 bits")


@pytest.mark.parametrize("platform", [p for p in PLATFORMS.values() if p.bits == 64])
def test_each_platform_has_its_machine_and_its_folders(platform: Platform) -> None:
    def of_it(data: bytes) -> bytes:
        return data[:18] + platform.elf.to_bytes(2, "little") + data[20:]

    files = {
        "/usr/bin/thing": of_it(needing()),
        f"/usr/lib/{platform.triplet}/libtwice.so.1": of_it(library()),
    }
    for name in (platform.name, f"{platform.name}/v8"):
        there = {"platform": name}
        holds(closure.check(made(files, config=there)), f"all code is for {name}")
        holds(closure.check(made(files, config=there)), "finds its libraries")
    other = {"platform": next(name for name in PLATFORMS if name != platform.name)}
    fails(closure.check(made(files, config=other)), "all code is for", "/usr/bin/thing: EM_")


def test_a_platform_that_is_not_in_the_table() -> None:
    found = one(closure.check(made(SOUND, config={"platform": "linux/m68k"})), "all code is for")
    assert found.verdict is Verdict.UNKNOWN


def test_a_symbol_is_undefined() -> None:
    files = SOUND | {
        "/usr/lib/x86_64-linux-gnu/libtwice.so.1": library("int thrice(int x) { return x; }")
    }
    fails(closure.check(made(files)), "undefined", "/usr/bin/thing: undefined symbol twice")


def test_a_symbol_has_another_version(tmp_path: Any) -> None:
    script = tmp_path / "map"
    script.write_text("ONE_1 { global: twice; };\n")
    versioned = compiled(
        _LIBRARY, "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libtwice.so.1",
        f"-Wl,--version-script={script}",
    )  # fmt: skip
    stub = tmp_path / "libtwice.so"
    stub.write_bytes(versioned)
    wants = compiled(
        "int twice(int); int _start(void) { return twice(0); }",
        "-nostdlib", "-pie", "-fPIE", str(stub),
    )  # fmt: skip
    there = "/usr/lib/x86_64-linux-gnu/libtwice.so.1"
    holds(closure.check(made({"/usr/bin/thing": wants, there: versioned})), "undefined")
    script.write_text("TWO_2 { global: twice; };\n")
    other = compiled(
        _LIBRARY, "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libtwice.so.1",
        f"-Wl,--version-script={script}", "-DOTHER",
    )  # fmt: skip
    found = closure.check(made({"/usr/bin/thing": wants, there: other}))
    fails(found, "undefined", "undefined symbol twice@ONE_1")


def test_a_module_takes_symbols_of_the_program_that_loads_it() -> None:
    host = compiled(
        "int given(void) { return 1; } int _start(void) { return 0; }",
        "-nostdlib", "-pie", "-fPIE", "-rdynamic",
    )  # fmt: skip
    module = compiled(
        "int given(void); int run(void) { return given(); }", "-shared", "-fPIC", "-nostdlib"
    )
    files = {"/usr/bin/host": host, "/usr/lib/host/module.so": module}
    holds(closure.check(made(files)), "undefined")
    fails(closure.check(made({"/usr/lib/host/module.so": module})), "undefined", "given")


def test_an_rpath_leads_into_a_build_tree() -> None:
    files = SOUND | {"/usr/bin/thing": needing("libtwice.so.1", "-Wl,-rpath,/build/lib")}
    fails(closure.check(made(files)), "RPATH", "/usr/bin/thing: RPATH /build/lib")


def test_a_newer_glibc_is_needed() -> None:
    # Every program of gcc's wants __libc_start_main of glibc 2.34.
    program = compiled("int main(void) { return 0; }")
    files = {"/usr/bin/thing": program}
    holds(closure.check(made(files, claims=claims(glibc="2.34"))), "glibc 2.34")
    found = closure.check(made(files, claims=claims(glibc="2.31")))
    fails(found, "glibc 2.31", "/usr/bin/thing: needs glibc 2.34")


def test_a_file_belongs_to_nobody() -> None:
    status = (
        b"Package: thing\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n"
        b"Maintainer: A <a@example.org>\nDescription: x\n\n"
    )
    files = {
        _STATUS: status,
        "/var/lib/dpkg/info/thing.list": b"/.\n/usr\n/usr/bin\n/bin/thing\n",
        "/usr/bin/thing": b"#!/bin/sh\n",
    }
    holds(closure.check(made(files)), "belongs to a package")
    stray = files | {"/opt/stray": At(data=b"x")}
    fails(closure.check(made(stray)), "belongs to a package", "/opt/stray")
    # What `hooks/pip-wheel` makes is pdbuild's own.
    hook = (Path(__file__).parents[3] / "hooks/pip-wheel").read_text()
    pip = ("/usr/bin/pip", "/usr/lib/pdbuild/pip.pyz", "/usr/lib/python3/dist-packages/pip.py")
    assert all(path.rpartition("/")[2] in hook for path in pip)
    holds(closure.check(made(files | dict.fromkeys(pip, b"x"))), "belongs to a package")
