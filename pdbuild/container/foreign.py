"""Runs a program in an image of another platform, by an emulator.

Where the host's kernel emulates it for everybody, podman runs it as any other. Else it is
started in namespaces of its own, whose kernel is told of the emulator (see `direct`).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace

from pdbuild.container import Container, direct, host, loading, missing, podman
from pdbuild.engine import emulators
from pdbuild.errors import EngineError, UsageError
from pdbuild.platforms import PLATFORMS, Platform
from pdbuild.store import Store


def run(
    store: Store,
    container: Container,
    platform: str,
    *,
    detach: bool = False,
    started: Callable[[str], object] = print,
) -> int:
    """Run it in the foreground, and say once that it is emulated; the program's exit code.

    With `detach` it goes on in the background, as `podman.start` has it: `started` gets its id,
    and 0 is returned. Raises ProgramError as `podman.run` does, EngineError when there is no
    emulator, UsageError for what it cannot be given.
    """
    if platform not in PLATFORMS:
        raise UsageError(f"--platform {platform}: there is no emulator for it")
    meant = PLATFORMS[platform]
    by_host = emulators.host_runs(meant)
    emulator = "" if by_host else _emulator(meant)
    # podman has one image by a name, and this machine's own is called so.
    name = f"{store.entry(container.image).reference}-{meant.folder}"
    loading.load(store, container.image, platform, name=name)
    print(f"{platform}: emulated on this machine, and slow", file=sys.stderr)
    if by_host:
        emulated = replace(container, image=name)
        if detach:
            started(podman.start(emulated))
            return 0
        return podman.run(emulated)
    if detach or container.devices or container.ports:
        what = "--detach" if detach else "--device" if container.devices else "--port"
        raise UsageError(
            f"{what}: not with an emulator of pdbuild's own",
            hint=f"register one for all of the host: {_REGISTER}",
        )
    config = store.config(container.image, platform)
    entrypoint = (container.entrypoint,) if container.entrypoint else config.entrypoint
    program = direct.Program(
        argv=(*entrypoint, *(container.argv or config.cmd)),
        env=dict(container.env),
        mounts=container.mounts,
        workdir=container.workdir or config.workdir or "/",
        emulator=emulator,
    )
    try:
        return direct.run(direct.find(host.find(), name), program)
    except direct.Missing as reason:
        raise missing.ProgramError(program.argv[0], container.image, reason.code) from None
    except direct.Unavailable as reason:
        raise EngineError(
            f"a program for {platform} cannot be started: {reason}",
            hint=f"register the emulator for all of the host: {_REGISTER}",
        ) from None


_REGISTER = "apt install qemu-user-static binfmt-support, as root"


def _emulator(platform: Platform) -> str:
    """What the kernel is told of the emulator."""
    found = emulators.interpreters().get(platform.name)
    if found is None:
        raise EngineError(
            f"there is no emulator for {platform.name} here", hint="apt install qemu-user-static"
        )
    if os.getuid() == 0:
        raise EngineError(
            f"as root, programs for {platform.name} run by the host's own binfmt_misc alone, "
            "which has no entry for it with flag F",
            hint=f"{_REGISTER}; or run it as an ordinary user",
        )
    return emulators.entry(platform, found)
