"""What a machine lacks, read from what programs say: a way to a host, space on a disk."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from errno import EDQUOT, ENOSPC
from pathlib import Path

from pdbuild import dirs
from pdbuild.errors import EngineError
from pdbuild.table import size

_NAME = r"\[?([A-Za-z0-9_](?:[\w.:-]*\w)?)"
_HOSTS = re.compile(
    "|".join(
        (
            rf"Could not resolve (?:host|proxy):? '?{_NAME}",  # curl, git, apt
            rf"(?:Temporary failure|Something wicked happened) resolving '{_NAME}'",
            rf"Failed to resolve '{_NAME}'",  # pip
            rf"host='{_NAME}'.*(?:Failed to establish|Connection|timed? ?out|Max retries)",
            rf"(?:Could not|[Uu]nable to|Failed to) connect to {_NAME}",
            rf"Cannot initiate the connection to {_NAME}",
            rf"proxyconnect tcp: dial tcp:? (?:lookup )?{_NAME}",  # Go
            rf"dial tcp: lookup {_NAME}(?:: | on )",
            rf'(?:Get|Head) "?https?://{_NAME}.*: dial tcp ',
            rf"unable to access 'https?://(?:[^@/']*@)?{_NAME}[:/].*(?:[Cc]onnect|timed out)",
        )
    )
)
# pip before 24 (Debian 12's, Python 3.11's own) names no host.
_NAMELESS = {
    "Cannot connect to proxy.": "pip's proxy",
    "connection broken by 'NewConnectionError('<pip.": "pip's package index",
}
# Most lines have none of these, and need no further look.
_MAYBE = re.compile(r"resolv|onnect|dial tcp|host=")
_FULL = re.compile(
    r"no space left on device|disk quota exceeded|not enough (?:disk |free )?space"
    r"|don't have enough free space",
    re.IGNORECASE,
)
# The kernel has no other words for these.
_NAMESPACES = re.compile(
    r"(?:unshare|clone|newuser|fork/exec|namespaces?)\b.*no space left on device", re.IGNORECASE
)
_KEYS = re.compile(r"(?:keyring|session key|keyctl)\b.*disk quota exceeded", re.IGNORECASE)
_QUOTA = re.compile(r"disk quota exceeded", re.IGNORECASE)


def unreached(line: str) -> str:
    """The host that a program says it could not reach, or ""."""
    if not _MAYBE.search(line):
        return ""
    if (found := _HOSTS.search(line)) is None:
        return next((who for text, who in _NAMELESS.items() if text in line), "")
    host: str = next(filter(None, found.groups()))
    return host.partition(":")[0] if host.count(":") == 1 else host


def outage(text: str) -> str:
    """What to say first of a text in which a program could not reach a host, or ""."""
    hosts = filter(None, map(unreached, text.splitlines()))
    host = next(hosts, "")
    return said_of(host) if host else ""


def said_of(host: str) -> str:
    """The first line about a host that could not be reached."""
    return f"{host} cannot be reached; nothing is lost, and the next run goes on from here"


def full(text: str) -> bool:
    """Whether a program says that a disk is full."""
    return any(_of_a_disk(line) for line in text.splitlines())


def remedy(text: str) -> str:
    """What to do about what a program says is used up: a disk, a quota, the kernel's; or ""."""
    if full(text):
        quota = any(map(_QUOTA.search, filter(_of_a_disk, text.splitlines())))
        return f"{'your quota is used up (`quota -s`): ' if quota else ''}{way_out()}"
    if _NAMESPACES.search(text):
        return (
            "all user namespaces that this machine allows are in use, which is no disk; ask the "
            "administrator for: sysctl -w user.max_user_namespaces=15000"
        )
    if keys(text):
        return (
            "your quota of kernel keys is used up, which is no disk: `pdbuild doctor "
            "--write-podman` has podman use none"
        )
    return ""


def keys(text: str) -> bool:
    """Whether a program says that the user may have no more of the kernel's keys."""
    return bool(_KEYS.search(text))


def of_kernel(text: str) -> bool:
    """Whether a program says that the kernel allows no more of something that is no disk."""
    return keys(text) or bool(_NAMESPACES.search(text))


def _of_a_disk(line: str) -> bool:
    return bool(_FULL.search(line)) and not of_kernel(line)


def way_out() -> str:
    """What to do about a full disk: which of pdbuild's it may be, and what frees some of it."""
    places = {"PDBUILD_CACHE_DIR": dirs.cache_path(), "PDBUILD_DATA_DIR": dirs.data_path()}
    name, path = min(places.items(), key=lambda place: _free(place[1]))
    return (
        f"{path}: {size(_free(path))} free; `pdbuild prune --caches` frees what can be made "
        f"again, `pdbuild prune` the images of old versions; {name} names another disk"
    )


@contextlib.contextmanager
def room(path: Path, wanted: int) -> Iterator[None]:
    """For writing `wanted` bytes to `path`: a full disk is an EngineError that says both."""
    try:
        yield
    except OSError as error:
        if error.errno not in (ENOSPC, EDQUOT):
            raise
        short = _short(path, wanted, quota=error.errno == EDQUOT)
        raise EngineError(short, hint=remedy(short)) from error
    except EngineError as error:
        if not full(error.message):
            raise
        short = _short(path, wanted, quota=bool(_QUOTA.search(error.message)))
        raise EngineError(f"{short}\n{error.message}", hint=remedy(short)) from error


def _short(path: Path, wanted: int, *, quota: bool) -> str:
    if quota:
        return f"{path}: disk quota exceeded: {size(wanted)} wanted"
    return f"{path}: no space left on device: {size(wanted)} wanted, {size(_free(path))} free"


def _free(path: Path) -> int:
    there = next(place for place in (path, *path.parents) if place.exists())
    return shutil.disk_usage(there).free
