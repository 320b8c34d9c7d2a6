"""The limits on processes that a container may be given without a privilege: the caller's."""

import resource
from pathlib import Path


def limits() -> tuple[str, ...]:
    """Options of podman and Buildah that give a container the caller's own limits.

    Their defaults (a million open files for root) fail where raising a limit is not allowed.
    """
    options = []
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        # podman lowers its own process limit to the highest pid, and cannot raise it again.
        top = _highest_pid() if name == "nproc" else 1 << 20
        soft, hard = (top if n < 0 else min(n, top) for n in resource.getrlimit(number))
        options.append(f"--ulimit={name}={soft}:{hard}")
    return tuple(options)


def _highest_pid() -> int:
    try:
        return int(Path("/proc/sys/kernel/pid_max").read_text())
    except (OSError, ValueError):
        return 32768
