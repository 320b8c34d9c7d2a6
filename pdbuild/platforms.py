"""What a platform is called by everybody who has a name for it. One more is one line."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One platform: `linux/arm64`.

    `name` is OCI's; `architecture` Debian's; `triplet` GNU's, by which compilers and folders of
    libraries are called; `processor` what uname, CMake and Meson call it; `qemu` the emulator
    `qemu-NAME`; `elf` the machine's number in ELF files and `bits` their class.
    """

    name: str
    architecture: str
    triplet: str
    processor: str
    qemu: str
    elf: int
    bits: int = 64

    @property
    def folder(self) -> str:
        """The folder of `build/` in which its files stand: `linux-arm64`."""
        return self.name.replace("/", "-")

    @property
    def tools(self) -> str:
        """What names of Debian packages have for the triplet: no underscore may be in them."""
        return self.triplet.replace("_", "-")


# fmt: off
_ALL = (
    Platform(name="linux/amd64", architecture="amd64", triplet="x86_64-linux-gnu", processor="x86_64", qemu="x86_64", elf=62),  # noqa: E501
    Platform(name="linux/arm64", architecture="arm64", triplet="aarch64-linux-gnu", processor="aarch64", qemu="aarch64", elf=183),  # noqa: E501
    Platform(name="linux/arm/v7", architecture="armhf", triplet="arm-linux-gnueabihf", processor="arm", qemu="arm", elf=40, bits=32),  # noqa: E501
    Platform(name="linux/riscv64", architecture="riscv64", triplet="riscv64-linux-gnu", processor="riscv64", qemu="riscv64", elf=243),  # noqa: E501
)
# fmt: on

#: All that pdbuild compiles for, by OCI's names.
PLATFORMS = {platform.name: platform for platform in _ALL}

# What uname says of machines, where that is not the processor's name.
_MACHINES = {"armv7l": "arm", "arm64": "aarch64"}


def find(name: str) -> Platform | None:
    """The platform of an image, whose name may say more than the table: `linux/arm64/v8`."""
    exact = PLATFORMS.get(name)
    return exact or next((p for n, p in PLATFORMS.items() if name.startswith(f"{n}/")), None)


def is_foreign(name: str) -> bool:
    """Whether a platform is another than this machine's; "" is none."""
    return name not in ("", native().name)


def native() -> Platform:
    """This machine's own. One that is not in the table can at least be named."""
    machine = os.uname().machine
    processor = _MACHINES.get(machine, machine)
    for platform in _ALL:
        if platform.processor == processor:
            return platform
    triplet = f"{machine}-linux-gnu"
    return Platform(
        name=f"linux/{machine}", architecture=machine, triplet=triplet, processor=machine,
        qemu=machine, elf=0,
    )  # fmt: skip
