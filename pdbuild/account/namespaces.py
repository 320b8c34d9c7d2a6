"""User namespaces: whether the kernel gives them, and whether a range of ids can be had there."""

import os
import pwd
import select
import shutil
from dataclasses import dataclass
from pathlib import Path

from pdbuild import programs, tools
from pdbuild.account import grant
from pdbuild.errors import EngineError

_SECONDS = 10

_PLACE = Path("/proc/sys")
#: What limits user namespaces, below that.
SETTINGS = (
    "user/max_user_namespaces",
    "user/max_mnt_namespaces",
    "kernel/unprivileged_userns_clone",  # Debian's
    "kernel/apparmor_restrict_unprivileged_userns",  # Ubuntu's
)

# Says that it is in its namespace, waits for its ids, and tries what they are for: without
# capabilities in the namespace (AppArmor takes them away) nothing can be mounted.
_IN_NAMESPACE = "echo ready; read -r _; exec unshare --mount true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why something cannot be had, and what would give it."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """The subordinate ids of an account, as (first, how many)."""

    uids: tuple[tuple[int, int], ...]
    gids: tuple[tuple[int, int], ...]


def refused_to_root() -> Refusal | None:
    """Why root cannot make namespaces; None when it can."""
    said = _said(["unshare", "--mount", "--pid", "--fork", "true"])
    if said is None:
        return None
    return Refusal(
        reason=f"root may not make namespaces here: {said}",
        hint="a container needs CAP_SYS_ADMIN for that (docker run --privileged)",
    )


def refused_one() -> Refusal | None:
    """Why there is no user namespace with the caller's own id; None when there is."""
    said = _said(["unshare", "--user", "--map-root-user", "--mount", "true"])
    return None if said is None else _explained(said)


def refused_many() -> Refusal | None:
    """Why there is no user namespace with a range of ids; None when there is."""
    for name in ("newuidmap", "newgidmap"):
        if program(name) is None:
            return Refusal(reason=f"{name} is not installed", hint=tools.hint(name))
    found = ranges()
    lacking = [kind for kind in ("uid", "gid") if not getattr(found, f"{kind}s")]
    if lacking:
        files = " and ".join(f"/etc/sub{kind}" for kind in lacking)
        return Refusal(reason=f"you have no range in {files}", hint=grant.range_command())
    return _refused(found)


def ranges() -> Ranges:
    """The caller's subordinate ids: by /etc/subuid and /etc/subgid, else by getsubids."""
    return Ranges(uids=_of("/etc/subuid", ()), gids=_of("/etc/subgid", ("-g",)))


def settings() -> dict[str, str]:
    """The kernel's settings that limit user namespaces, as far as this kernel has them."""
    found = {}
    for name in SETTINGS:
        try:
            found[name.replace("/", ".")] = (_PLACE / name).read_text().strip()
        except OSError:
            continue
    return found


def program(name: str) -> Path | None:
    """A system program, also where users' PATHs do not lead."""
    found = shutil.which(name, path=tools.search_path())
    return Path(found) if found else None


def in_ranges(text: str, names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The ranges of the account called `names` in the text of /etc/subuid or /etc/subgid."""
    found = []
    for line in text.splitlines():
        owner, _, span = line.partition(":")
        first, _, count = span.partition(":")
        if owner in names and first.isdigit() and count.strip().isdigit() and int(count):
            found.append((int(first), int(count)))
    return tuple(found)


def _of(file: str, flags: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    try:
        found = in_ranges(Path(file).read_text(), _names())
    except OSError:
        found = ()
    getsubids = program("getsubids")
    if found or getsubids is None:
        return found
    # An administrator may keep them in a directory service. `0: NAME 100000 65536`
    argv = [str(getsubids), *flags, _names()[0]]
    done = programs.run(*argv, env=_env(), quick=True)
    rows = [line.split() for line in done.out.splitlines()]
    return tuple((int(row[2]), int(row[3])) for row in rows if len(row) == 4)


def _names() -> tuple[str, ...]:
    uid = os.getuid()
    try:
        return (pwd.getpwuid(uid).pw_name, str(uid))
    except KeyError:
        return (str(uid),)


def _refused(found: Ranges) -> Refusal | None:
    with programs.start(
        *("unshare", "--user", "sh", "-c", _IN_NAMESPACE),
        stdin=programs.PIPE, stdout=programs.PIPE, stderr=programs.PIPE, env=_env(), quick=True,
    ) as child:  # fmt: skip
        assert child.stdin and child.stdout and child.stderr
        try:
            select.select([child.stdout], [], [], _SECONDS)
            if child.poll() is not None or os.read(child.stdout.fileno(), 16) != b"ready\n":
                return _explained(child.communicate(timeout=_SECONDS)[1].decode())
            pid = child.pid
            for name, spans in (("newuidmap", found.uids), ("newgidmap", found.gids)):
                own = os.getuid() if name == "newuidmap" else os.getgid()
                words = [name, str(pid), "0", str(own), "1", "1", *map(str, spans[0])]
                said = _said(words)
                if said is not None:
                    return Refusal(
                        reason=f"{name} fails: {said}",
                        hint=f"{name} must be setuid root: apt install --reinstall uidmap",
                    )
            _, said_too = child.communicate(b"\n", timeout=_SECONDS)
            return _explained(said_too.decode()) if child.returncode else None
        finally:
            child.kill()


def _said(words: list[str]) -> str | None:
    """What a command that failed said last; None when it did not fail."""
    try:
        done = programs.run(*words, timeout=_SECONDS, env=_env(), quick=True)
    except EngineError as error:
        return error.message
    return done.said if done.code else None


def _env() -> dict[str, str]:
    return {"PATH": tools.search_path(), "LC_ALL": "C"}  # the errors are read below


def _explained(said: str) -> Refusal:
    """The refusal behind what `unshare` said: the same few words have several causes."""
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "no answer"
    found = settings()
    return explained(last, found)


def explained(said: str, found: dict[str, str]) -> Refusal:
    """The refusal behind `said`, an error of `unshare`, with these settings of the kernel."""
    mend = ""
    if found.get("kernel.unprivileged_userns_clone") == "0":
        mend = "kernel.unprivileged_userns_clone=1"
    elif found.get("user.max_user_namespaces") == "0":
        mend = "user.max_user_namespaces=15000"
    elif found.get("user.max_mnt_namespaces") == "0":
        mend = "user.max_mnt_namespaces=15000"
    elif found.get("kernel.apparmor_restrict_unprivileged_userns", "0") != "0":
        mend = "kernel.apparmor_restrict_unprivileged_userns=0"
    elif "No space left" in said:
        mend = "user.max_user_namespaces=15000"  # a parent namespace has the lower limit
    if mend:
        return Refusal(
            reason=f"the kernel's settings forbid user namespaces ({said})",
            hint=f"ask the administrator for: sysctl -w {mend}",
        )
    if "Operation not permitted" in said or "Permission denied" in said:
        return Refusal(
            reason=f"user namespaces are forbidden here ({said})",
            hint="a container's seccomp profile, a chroot or a security module forbids them; "
            "ask the administrator for unprivileged user namespaces",
        )
    return Refusal(reason=f"there are no user namespaces here ({said})")
