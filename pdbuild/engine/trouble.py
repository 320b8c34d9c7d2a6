"""What to do about a daemon that does not start, from what it said."""

import re
from pathlib import Path

from pdbuild.account import grant
from pdbuild.errors import EngineError

_LINES = 12

_NAMESPACES = (
    "user namespaces are forbidden here; an administrator can allow them: "
    "sysctl user.max_user_namespaces=15000, and where they exist "
    "kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); "
    "or choose another engine with --engine"
)


def not_started(said: str, log: Path) -> EngineError:
    """The error for a daemon whose last words are `said`."""
    lines = [line for line in said.splitlines() if line.strip()]
    text = "\n".join(lines[-_LINES:]) or "it said nothing"
    return EngineError(f"buildkitd did not start:\n{text}", hint=_hint(said) or f"see {log}")


def _hint(said: str) -> str:
    if re.search(r"No sub[ug]id ranges found", said, re.IGNORECASE):
        return grant.range_command()
    if "newuidmap" in said or "newgidmap" in said:
        return "newuidmap and newgidmap must be setuid root: apt install --reinstall uidmap"
    if re.search(r"failed to start the child|unshare failed|unshare: ", said):
        return _NAMESPACES
    if "could not lock" in said:
        return "a buildkitd that pdbuild did not start uses the same cache: stop it"
    if "no space left on device" in said:
        return "free some space, or name another disk in PDBUILD_CACHE_DIR"
    return ""
