"""Programs of an image run here, and on a CPU that QEMU emulates: children too."""

import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from verify_bits import At, compiled, image, layer

from pdbuild import content, tools
from pdbuild.account import namespaces
from pdbuild.content import Layer
from pdbuild.engine import emulators
from pdbuild.errors import EngineError
from pdbuild.oci import Config
from pdbuild.platforms import native
from pdbuild.verify import machine
from pdbuild.verify.machine import Machines, Rootfs
from pdbuild.verify.subject import Ran

_WIDE = (
    '__attribute__((target("avx"), noinline)) float wide(volatile float *x) {'
    '  float sum; __asm__ volatile("vmovss %1, %%xmm0; vaddss %%xmm0, %%xmm0, %%xmm0;'
    ' vmovss %%xmm0, %0" : "=m"(sum) : "m"(*x) : "xmm0"); return sum; }'
)
# Runs the program that it is told to, and says how that ended.
_PARENT = """
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words) {
  if (fork() == 0) { char *argv[] = {words[1], 0}; char *env[] = {0}; execve(words[1], argv, env); }
  int status; wait(&status);
  printf("child: signal %d, code %d\\n", WTERMSIG(status), WEXITSTATUS(status));
  return status != 0;
}
"""
_STATIC = ("-static", "-O1")


def program(source: str) -> At:
    return At(data=compiled(source, *_STATIC), mode=0o755)


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    """An image with a program that uses AVX, one that does not, and one that starts either."""
    main = "int main(void) { float x = 2; return wide(&x) != 4; }"
    return {
        "/usr/bin/wide": program(_WIDE + main),
        "/usr/bin/plain": program(
            '#include <stdio.h>\nint main(void) { puts("plain"); return 0; }'
        ),
        "/usr/bin/parent": program(_PARENT),
        "/bin": "usr/bin",
        "/etc/empty": b"",
    }


class Here:
    """A machine for these files, in a place of its own."""

    def __init__(self, files: dict[str, Any], **config: Any) -> None:
        told = {
            "digest": "", "platform": "linux/amd64", "created": "", "labels": {},
            "env": ("PATH=/usr/bin",), "entrypoint": (), "cmd": (), "workdir": "/work", "user": "",
        } | config  # fmt: skip
        self.machines = Machines()
        self.rootfs = Rootfs(self.machines, image(files), Config(**told))

    def run(self, *words: str, cpu: str = "") -> Ran:
        return self.rootfs.run(words, cpu=cpu)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    if namespaces.refused_one():
        pytest.skip("NOT RUN: no user namespaces here")
    return tmp_path


def emulated() -> None:
    if not shutil.which("qemu-x86_64-static", path=tools.search_path()):
        pytest.skip("NOT RUN: no qemu-user-static")


def test_a_program_runs_with_the_images_files_alone(place: Path, files: dict[str, Any]) -> None:
    here = Here(files)
    (place / "cache/verify-0-killed").mkdir(parents=True)
    assert here.run("plain") == Ran(code=0, said="plain\n")
    assert here.run("parent", "/bin/plain").said == "plain\nchild: signal 0, code 0\n"
    assert here.run("sh", "-c", "true").code == 127, "the host's programs are not there"
    here.machines.close()
    assert list((place / "cache/verify").iterdir()) == []


def test_a_cpu_without_the_feature(place: Path, files: dict[str, Any]) -> None:
    emulated()
    here = Here(files)
    if "avx" in Path("/proc/cpuinfo").read_text():
        assert here.run("wide").code == 0
    assert here.run("plain", cpu="Nehalem").said == "plain\n"
    killed = here.run("wide", cpu="Nehalem")
    assert killed.code == 132 and "Illegal instruction" in killed.said
    # A child, with no environment that would name the CPU.
    child = here.run("parent", "/usr/bin/wide", cpu="Nehalem")
    assert child.code == 1 and "child: signal 4" in child.said
    here.machines.close()


def test_the_hosts_entries_are_not_touched(place: Path, files: dict[str, Any]) -> None:
    emulated()
    here = Here(files)
    before = sorted(Path("/proc/sys/fs/binfmt_misc").glob("*"))
    here.run("plain", cpu="Nehalem")
    assert sorted(Path("/proc/sys/fs/binfmt_misc").glob("*")) == before


def test_images_share_what_they_have_in_common(place: Path, files: dict[str, Any]) -> None:
    made: dict[tuple[str, int], Path] = {}
    content = image(files)
    machine.unpack(content, place / "one", made)
    machine.unpack(content, place / "two", made)
    one, two = place / "one/usr/bin/plain", place / "two/usr/bin/plain"
    assert one.stat().st_ino == two.stat().st_ino
    assert (place / "two/bin").readlink() == Path("usr/bin")
    assert (place / "two/etc/empty").read_bytes() == b""


def test_no_link_of_an_image_leads_to_this_machine(place: Path) -> None:
    outside = place / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    lower = layer({"/way": str(outside), "/file": str(outside / "kept"), "/gone": "nowhere"})
    upper = layer({"/way/evil": b"x", "/gone/evil": b"x"})
    alone = Layer("sha256:1", upper.tar, tuple(e for e in upper.entries if e.kind == "file"))
    machine.unpack(content.merged((lower, alone)), place / "root", {})
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "kept"


def test_nothing_can_be_written_to_it(place: Path, files: dict[str, Any]) -> None:
    source = (
        '#include <stdio.h>\nint main(void) { return (fopen("/etc/empty", "w") != 0) * 2'
        ' + (fopen("/tmp/x", "w") == 0); }'
    )
    here = Here(files | {"/usr/bin/writer": program(source)})
    assert here.run("writer").code == 0
    here.machines.close()


def test_a_program_of_the_project(place: Path, files: dict[str, Any]) -> None:
    project = place / "project"
    project.mkdir()
    (project / "a.py").write_text("x")
    seen = Rootfs(
        Machines(), image(files), Here(files, entrypoint=("/enter",)).rootfs._config, project
    )
    assert seen._command(("a.py", "b")) == ("/enter", "/work/a.py", "b")
    assert seen._command(("plain",)) == ("/enter", "plain")
    bare = Rootfs(Machines(), image(files), Here(files).rootfs._config, project)
    assert bare._command(("a.py",)) == ("python3", "/work/a.py")


def test_what_this_host_cannot_do_is_said(
    place: Path, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match="no QEMU for programs of linux/m68k"):
        Here(files, platform="linux/m68k").run("plain")
    with pytest.raises(EngineError, match="does not emulate a CPU for linux/arm64"):
        Here(files, platform="linux/arm64").run("plain", cpu="Nehalem")
    monkeypatch.setattr(emulators, "_HOST", place)
    monkeypatch.setattr(machine, "_program", lambda name: name)
    monkeypatch.setattr(tools, "search_path", lambda: str(Path(sys.executable).parent))
    with pytest.raises(EngineError, match="qemu-user-static"):
        Here(files).run("plain", cpu="Nehalem")
    with pytest.raises(EngineError, match="no QEMU for programs of linux/arm64: apt install"):
        Here(files, platform="linux/arm64").run("plain")


def arm_program() -> bytes:
    """Writes `hello`, and ends with 7; in assembler: mov, adr, mov, mov, svc; mov, mov, svc."""
    code = struct.pack(
        "<8I", 0xD2800020, 0x100000E1, 0xD28000C2, 0xD2800808, 0xD4000001,
        0xD28000E0, 0xD2800BA8, 0xD4000001,
    ) + b"hello\n"  # fmt: skip
    start, size = 0x400000, 64 + 56 + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000)
    return ident + header + segment + code


def test_a_program_of_another_platform_is_emulated(place: Path) -> None:
    if native().name != "linux/arm64" and "linux/arm64" not in emulators.interpreters():
        pytest.skip("NOT RUN: no qemu-user-static")
    here = Here({"/usr/bin/hello": At(data=arm_program(), mode=0o755)}, platform="linux/arm64")
    before = sorted(Path("/proc/sys/fs/binfmt_misc").glob("*"))
    assert here.run("hello") == Ran(code=7, said="hello\n")
    assert sorted(Path("/proc/sys/fs/binfmt_misc").glob("*")) == before
    here.machines.close()
