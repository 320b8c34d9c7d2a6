"""Probes of what a login session is given: its limits."""

import resource

from pdbuild.doctor.finding import Finding, ok, warn

_HOUR = 3600
_LITTLE = 4 << 30  # bytes of addresses: a linker of a large library wants more
_FILES = 1024


def limits() -> Finding:
    """The limits on each process that end a build, as login nodes have them."""
    seconds, memory, files, size = (
        resource.getrlimit(number)[0]
        for number in (
            resource.RLIMIT_CPU,
            resource.RLIMIT_AS,
            resource.RLIMIT_NOFILE,
            resource.RLIMIT_FSIZE,
        )
    )
    found = []
    if 0 <= seconds < _HOUR:
        found.append(f"a process is ended after {seconds} seconds of processor time (ulimit -t)")
    if 0 <= memory < _LITTLE:
        found.append(f"a process has {memory >> 20} MB of memory (ulimit -v)")
    if size >= 0:
        found.append(f"a file has {size >> 20} MB at most (ulimit -f)")
    if 0 <= files < _FILES:
        found.append(f"a process has {files} open files (ulimit -n)")
    if not found:
        return ok("limits", "none that a build reaches")
    cost = "a large compiler, linker or copy is ended"
    return warn("limits", "; ".join(found), cost=cost, mend="bake in a job, where there are others")
