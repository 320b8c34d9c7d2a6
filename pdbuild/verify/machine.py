"""Runs programs of an image on this machine, or on another CPU that QEMU emulates.

The image's files are unpacked below the cache directory, and its programs run with them as their
root, in namespaces of their own: whoever may make a user namespace can do this. Child processes
are emulated like the first: binfmt_misc, which a user namespace can have of its own since Linux
6.7, gives every program of the image to QEMU. The host's entries stay as they are.
"""

import os
import posixpath
import shutil
import struct
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pdbuild import dirs, programs, tools, whole
from pdbuild.content import Content
from pdbuild.engine import emulators
from pdbuild.errors import EngineError
from pdbuild.oci import Config
from pdbuild.platforms import PLATFORMS, native
from pdbuild.verify.subject import Ran

_SECONDS = 600

# QEMU itself is an x86-64 program and would be given to itself: in its copy a byte that says
# nothing (the last of e_ident) is set, and programs with that byte do not match.
_MARK, _AT = 0x51, 15
_MAGIC = (
    r":pdbuild:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\xff\xfe\xff\xff\xff:{}:F"
)

# What binfmt_misc starts: a program that puts QEMU_CPU=… in front of the environment and turns
# into QEMU. (A program may give its children another environment; QEMU's own default is a
# CPU with everything.) In assembler:
#   mov rcx,[rsp]; lea rsi,[rsp+8]; lea rdi,[rsi+rcx*8+8]; mov rax,rdi      argv, environment
#   1: cmp qword ptr [rax],0; je 2f; add rax,8; jmp 1b                      to its end
#   2: push qword ptr [rax]; cmp rax,rdi; je 3f; sub rax,8; jmp 2b          copied, backwards
#   3: lea rax,[rip+cpu]; push rax; mov rdx,rsp                             our variable first
#   lea rdi,[rip+qemu]; mov eax,59; syscall                                 execve
#   mov edi,126; mov eax,60; syscall                                        exit
#   qemu: .asciz "/dev/shm/.qemu"; cpu: .asciz "QEMU_CPU=…"
_PLACE = "/dev/shm/.qemu"
_STARTER = bytes.fromhex(
    "488b0c24488d742408488d7cce084889f84883380074064883c008ebf4ff3048"
    "39f874064883e808ebf3488d052d000000504889e2488d3d13000000b83b0000"
    "000f05bf7e000000b83c0000000f05"
)

# $1 a scratch folder with the root file system, $2 what to register and $3 QEMU (or ""), $4 the
# project and $5 where it is seen, $6 how many seconds it may take; then the command.
_SCRIPT = """
set -eu
scratch=$1 entry=$2 qemu=$3 project=$4 work=$5 seconds=$6; shift 6
root=$scratch/root
rm -f "$scratch/ready"
mkdir -p "$root/dev/shm" "$root/proc" "$root/tmp" "$root$work" "$scratch/binfmt"
for device in null zero full random urandom; do : >"$root/dev/$device"; done
# Images share these files.
mount --bind "$root" "$root"
mount -o remount,bind,ro,nosuid,nodev "$root"
cd "$root"
for device in null zero full random urandom; do
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
for place in tmp dev/shm; do mount -t tmpfs tmpfs "$root/$place"; done
if [ -n "$project" ]; then
  mount --bind "$project" "$root$work"
  mount -o remount,bind,ro,nosuid,nodev "$root$work" 2>/dev/null || true
fi
if [ -n "$qemu" ]; then
  # The host's programs below need it at the same place as those of the image.
  for place in /dev/shm "$root/dev/shm"; do
    mount -t tmpfs tmpfs "$place"
    : >"$place/.qemu"
    mount --bind "$qemu" "$place/.qemu"
  done
fi
if [ -n "$entry" ]; then
  mount --bind "$scratch/cpuinfo" "$root/proc/cpuinfo"
  mount -t binfmt_misc none "$scratch/binfmt"
  printf %s "$entry" >"$scratch/binfmt/register"
fi
: >"$scratch/ready"
# Not the first process of the namespace: a program that a signal ends would hang there.
code=0
timeout "$seconds" "$@" 2>&1 || code=$?
exit "$code"
"""


class Machines:
    """Machines for several images, which share the files that they have in common."""

    def __init__(self) -> None:
        self._scratch: Path | None = None
        self._made: dict[tuple[str, int], Path] = {}
        self._alone = threading.Lock()

    def folder(self, content: Content) -> Path:
        """A new folder with an image's files in `root`."""
        with self._alone:
            return self._folder(content)

    def _folder(self, content: Content) -> Path:
        if self._scratch is None:
            self._scratch = scratch()
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        unpack(content, folder / "root", self._made)
        (folder / "cpuinfo").write_text("processor\t: 0\nmodel name\t: QEMU\n")
        return folder

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


class Rootfs:
    """A machine for one image, whose files are unpacked when the first program runs. `project`
    is the project's root, seen in the image's working directory.
    """

    def __init__(
        self, machines: Machines, content: Content, config: Config, project: Path | None = None
    ) -> None:
        self._machines, self._content = machines, content
        self._config, self._project = config, project
        self._scratch: Path | None = None

    def run(self, words: Sequence[str], *, cpu: str = "") -> Ran:
        """As `Machine.run`."""
        here, image = native().name, self._config.platform
        if cpu and (here, image) != ("linux/amd64", "linux/amd64"):
            raise EngineError(f"a machine of {here} does not emulate a CPU for {image}")
        qemu = _marked(_qemu()) if cpu else None
        entry = "" if cpu or image == here else _foreign(image)
        scratch = self._unpacked()
        if qemu:
            (scratch / "starter").write_bytes(starter(cpu))
            (scratch / "starter").chmod(0o755)
            entry = _MAGIC.format(scratch / "starter")
        env = dict(pair.partition("=")[::2] for pair in self._config.env) | {"HOME": "/tmp"}
        done = programs.run(
            *("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork"),
            *("--kill-child", "sh", "-c", _SCRIPT, "sh", str(scratch), entry, str(qemu or "")),
            *(str(self._project or ""), self._workdir(), str(_SECONDS)),
            *(_program("env"), "-i", *(f"{k}={v}" for k, v in env.items())),
            *(_program("chroot"), str(scratch / "root"), *self._command(words)),
            env={"PATH": tools.search_path(), "LC_ALL": "C"},
            quick=True,
        )
        if not (scratch / "ready").exists():
            raise EngineError(_refusal(done.said))
        return Ran(code=done.code if done.code >= 0 else 128 - done.code, said=done.out)

    def _unpacked(self) -> Path:
        if self._scratch is None:
            self._scratch = self._machines.folder(self._content)
        return self._scratch

    def _workdir(self) -> str:
        return self._config.workdir or "/work"

    def _command(self, words: Sequence[str]) -> tuple[str, ...]:
        """A command of the image, or a program of the project, as the image's entrypoint has it."""
        first, *rest = words
        if self._project and (self._project / first).is_file():
            first = posixpath.join(self._workdir(), first)
        if self._config.entrypoint:
            return (*self._config.entrypoint, first, *rest)
        return ("python3", first, *rest) if first.endswith(".py") else (first, *rest)


def unpack(content: Content, root: Path, made: dict[tuple[str, int], Path]) -> None:
    """Write an image's files below `root`, as the caller's own; devices are left out.

    `made` are the files of layers that are written already, which are linked. Nothing is written
    through a link of the image, which may lead to files of this machine.
    """
    root.mkdir(parents=True)
    links = {path for path, (_, entry) in content.files.items() if entry.kind == "link"}
    # In their order each folder comes before what is in it.
    for path, (layer, entry) in sorted(content.files.items()):
        if not links.isdisjoint(map(str, PurePosixPath(path).parents)):
            continue  # only below a link that leads nowhere
        place = root / path.lstrip("/")
        if entry.kind == "folder":
            place.mkdir(exist_ok=True, parents=True)
            continue
        place.parent.mkdir(exist_ok=True, parents=True)
        if entry.kind == "link":
            place.symlink_to(entry.link)
        elif entry.kind == "file":
            first = made.get((layer.digest, entry.offset)) if entry.size else None
            if first and first.name == place.name:
                os.link(first, place)
                continue
            place.write_bytes(layer.read(entry))
            place.chmod(0o755 if entry.mode & 0o111 else 0o644)
            made[layer.digest, entry.offset] = place


def starter(cpu: str) -> bytes:
    """The program that starts QEMU with a CPU, for binfmt_misc."""
    code = _STARTER + f"{_PLACE}\0QEMU_CPU={cpu}\0".encode()
    start, size = 0x400000, 64 + 56 + len(code)
    ident = bytearray(b"\x7fELF\x02\x01\x01".ljust(16, b"\0"))
    ident[_AT] = _MARK
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000)
    return bytes(ident) + header + segment + code


def emulators_of(platform: str) -> tuple[str, ...]:
    """The programs by which images of a platform can be run, where they are."""
    name = PLATFORMS[platform].qemu if platform in PLATFORMS else "x86_64"
    return f"qemu-{name}-static", f"qemu-{name}"


def _foreign(platform: str) -> str:
    """What the kernel is told of the emulator for another platform's programs; "" if it knows."""
    meant, found = PLATFORMS.get(platform), emulators.interpreters().get(platform)
    if meant is None or (found is None and not emulators.host_runs(meant)):
        raise EngineError(f"no QEMU for programs of {platform}: apt install qemu-user-static")
    if found is None or emulators.host_runs(meant):
        return ""
    return emulators.entry(meant, found)


def _program(name: str) -> str:
    return shutil.which(name, path=tools.search_path()) or name


def _qemu() -> Path:
    """QEMU for programs of x86-64. It must need no library: in the image there is not its own."""
    for name in ("qemu-x86_64-static", "qemu-x86_64"):
        found = shutil.which(name, path=tools.search_path())
        if found and not _interpreted(Path(found)):
            return Path(found)
    raise EngineError("no QEMU for programs of x86-64: apt install qemu-user-static")


def _interpreted(program: Path) -> bool:
    from elftools.elf.elffile import ELFFile

    with program.open("rb") as file:
        return any(s["p_type"] == "PT_INTERP" for s in ELFFile(file).iter_segments())


def _marked(qemu: Path) -> Path:
    """A copy of QEMU which is not given to itself."""
    status = qemu.stat()
    copy = dirs.cache_dir() / f"{qemu.name}-{status.st_size}-{status.st_mtime_ns}"
    if not copy.exists():
        data = bytearray(qemu.read_bytes())
        data[_AT] = _MARK
        whole.write(copy, bytes(data), 0o755)
    return copy


def _refusal(said: str) -> str:
    if "binfmt" in said or "register" in said:
        return f"this kernel gives user namespaces no binfmt_misc (Linux 6.7 does): {said}"
    return f"no programs of the image can be run: {said}"


def scratch() -> Path:
    """A new folder on this machine's own disk for one `verify`; what killed ones left goes."""
    above = dirs.local_dir("verify")
    for left in above.glob("*-*"):
        if not Path("/proc", left.name.split("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=above, prefix=f"{os.getpid()}-"))
