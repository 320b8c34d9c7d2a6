"""Buildah for an account with one user id (rung B): whatever is built belongs to root alone.

Other owners do not exist there. Buildah itself runs with `words` before it, so that unpacking
and copying files of others succeeds; their owners are lost. The steps run with the seccomp
profile of `write_profile`, in which the calls that give files or the process itself to another
id succeed without effect, so that maintainer scripts and apt go on. Images get `LABEL`.
"""

import json
import sys
from pathlib import Path

from pdbuild.account import quash
from pdbuild.errors import EngineError

#: Says of an image that its files' owners are not those that the packages name.
LABEL = ("org.pdbuild.ownership", "flattened")

_PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")

_CALLS = (
    *("chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "lchown32"),
    *("setuid", "setuid32", "setgid", "setgid32", "setgroups", "setgroups32"),
    *("setreuid", "setreuid32", "setregid", "setregid32"),
    *("setresuid", "setresuid32", "setresgid", "setresgid32"),
    *("setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "capset"),
)
_CHARACTER, _BLOCK, _KIND = 0o020000, 0o060000, 0o170000  # S_IFCHR, S_IFBLK, S_IFMT


def words() -> list[str]:
    """The words before a command (buildah, skopeo) that unpacks or copies files."""
    return [sys.executable, "-I", str(Path(quash.__file__)), "files"]


def write_profile(target: Path) -> None:
    """Write the seccomp profile for steps. Raises EngineError when the host has none."""
    for place in map(Path, _PROFILES):
        if place.is_file():
            target.write_text(json.dumps(merged(json.loads(place.read_text()))))
            return
    raise EngineError(
        f"there is no seccomp profile of containers here: {' or '.join(_PROFILES)}",
        hint="it comes with podman and buildah: apt install golang-github-containers-common",
    )


def merged(profile: dict[str, object]) -> dict[str, object]:
    """`profile` with the rule; its own rules for the same calls do not matter any more."""
    rules = profile.get("syscalls")
    assert isinstance(rules, list)
    kept = []
    for rule in rules:
        names = [name for name in rule["names"] if name not in (*_CALLS, "mknod", "mknodat")]
        if names:
            kept.append({**rule, "names": names})
    return {**profile, "syscalls": [*kept, *_rules()]}


def _rules() -> list[dict[str, object]]:
    succeed: dict[str, object] = {"action": "SCMP_ACT_ERRNO", "errnoRet": 0}
    rules = [{"names": list(_CALLS), **succeed}]
    for name, place in (("mknod", 1), ("mknodat", 2)):
        # Devices are left out; what is no device is made. Both masks must differ for that,
        # which one rule says by allowing each kind of file that remains.
        for kind in (_CHARACTER, _BLOCK):
            rules.append({"names": [name], **succeed, "args": [_masked(place, kind)]})
        for kind in (0o010000, 0o140000, 0o100000, 0):  # FIFO, socket, file, file
            allowed = {"action": "SCMP_ACT_ALLOW", "args": [_masked(place, kind)]}
            rules.append({"names": [name], **allowed})
    return rules


def _masked(place: int, kind: int) -> dict[str, object]:
    return {"index": place, "value": _KIND, "valueTwo": kind, "op": "SCMP_CMP_MASKED_EQ"}
