"""cuda: code for the named GPUs and no others, nothing of a driver, nothing at all for CPUs."""

import struct
from typing import Any

import pytest
from test_minimal import status
from verify_bits import FakeMachine, compiled, fails, holds, subject

from pdbuild.recipe.tables.verify import Cuda, Verify
from pdbuild.verify import cuda, fatbin
from pdbuild.verify.subject import Ran

_PTX, _ELF = 1, 2
_CLAIMS = Verify(
    cuda=Cuda(variants=("fast",), architectures=("80", "90a"), ptx=("90",), run=("thing check",),
              says="computing on the CPU"),
)  # fmt: skip


def container(*parts: tuple[int, int]) -> bytes:
    """A container of code for GPUs: (kind, architecture) of each part."""
    body = b""
    for kind, arch in parts:
        payload = b"\x7fELF" + bytes(12)
        header = struct.pack("<HHIQIIHHI", kind, 0x101, 64, len(payload), 0, 0, 0, 0, arch)
        body += header.ljust(64, b"\0") + payload
    return struct.pack("<IHHQ", fatbin.MAGIC, 1, 16, len(body)) + body


def library(*parts: tuple[int, int]) -> bytes:
    """A library that holds such a container, as nvcc's programs do."""
    values = ",".join(map(str, container(*parts)))
    return compiled(f'.section .nv_fatbin,"a"\n.byte {values}\n', "-shared", language="assembler")


_GOOD = ((_ELF, 80), (_ELF, 90), (_PTX, 90))


def made(
    files: dict[str, Any], variant: str = "fast", said: str = "computing on the CPU", code: int = 0
) -> Any:
    machine = FakeMachine({"thing check": Ran(code=code, said=said)})
    return cuda.check(subject(files, variant=variant, claims=_CLAIMS, machine=machine))


def test_a_sound_image() -> None:
    for words in ("part of a driver", "code for 80, 90a", "PTX for 90", "`thing check`"):
        holds(made({"/usr/lib/libthing.so": library(*_GOOD)}), words)


def test_containers_lie_behind_each_other() -> None:
    data = container((_ELF, 80)) + bytes(16) + container((_PTX, 90))
    assert list(fatbin.parse(data)) == [(_ELF, "80"), (_PTX, "90")]
    with pytest.raises(ValueError, match="no container"):
        list(fatbin.parse(b"12345678" + data))


@pytest.mark.parametrize(
    ("parts", "words", "told"),
    [
        (_GOOD[1:], "code for 80", "no code for 80"),
        ((*_GOOD, (_ELF, 75)), "code for 80", "code for 75, which the recipe does not name"),
        (_GOOD[:2], "PTX for 90", "no PTX for 90"),
        ((*_GOOD, (_PTX, 80)), "PTX for 90", "PTX for 80, which"),
    ],
)
def test_code_for_others(parts: Any, words: str, told: str) -> None:
    fails(made({"/usr/lib/libthing.so": library(*parts)}), words, told)


def test_one_of_two_files_lacks_an_architecture() -> None:
    files = {"/usr/lib/libthing.so": library(*_GOOD), "/usr/lib/libmore.so": library((_ELF, 80))}
    fails(made(files), "code for 80", "/usr/lib/libmore.so: no code for 90")


def test_there_is_no_code_at_all() -> None:
    fails(
        made({"/usr/bin/thing": compiled("int main(void) { return 0; }")}), "code for 80", "80, 90"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
        "/usr/lib/libnvidia-ml.so.580.1",
        "/usr/bin/nvidia-smi",
    ],
)
def test_a_driver_is_inside(path: str) -> None:
    fails(made({path: b"x", "/usr/lib/libthing.so": library(*_GOOD)}), "part of a driver", path)


def test_a_program_that_does_not_start_without_a_driver() -> None:
    files = {"/usr/lib/libthing.so": library(*_GOOD)}
    fails(made(files, said="no driver", code=1), "`thing check`", "it ends with 1", "it says")
    fails(made(files, said="fine"), "`thing check`", "it says 'fine'")


def test_an_image_for_cpus_has_nothing_of_it() -> None:
    holds(made({"/usr/bin/thing": compiled("int main(void) { return 0; }")}, "plain"), "of CUDA")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"/usr/lib/libcudart.so.13": b"x"}, "/usr/lib/libcudart.so.13"),
        ({"/usr/share/thing/kernel.ptx": b"x"}, "kernel.ptx"),
        ({"/usr/lib/libthing.so": library(*_GOOD)}, "libthing.so: code for GPUs in .nv_fatbin"),
        (
            {
                "/usr/lib/libthing.so": compiled(
                    "int cudaMalloc(void) { return 0; }", "-shared", "-fPIC"
                )
            },
            "libthing.so: the symbol cudaMalloc",
        ),
        ({"/var/lib/dpkg/status": status("nvidia-cuda-toolkit 13")}, "the package nvidia-cuda"),
    ],
)
def test_an_image_for_cpus_has_something_of_it(files: dict[str, Any], told: str) -> None:
    fails(made(files, "plain"), "of CUDA", told)
