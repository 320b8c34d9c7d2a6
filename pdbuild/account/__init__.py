"""What this account may do, found out by trying: version numbers and files do not tell.

Three rungs. A: user namespaces with a range of user ids; everything works. B: user namespaces
with one id, the caller's own. C: no user namespaces.
"""

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pdbuild import dirs, tools, whole
from pdbuild.account import namespaces


class Rung(StrEnum):
    """How much an account may do; see the module."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A rung, and why it is that one; `hint` is what would make it better (may be empty)."""

    rung: Rung
    why: str
    hint: str = ""

    @property
    def one_id(self) -> bool:
        """Whether there is one user id alone: every file that is built belongs to it."""
        return self.rung is Rung.B


def find() -> Account:
    """The account of whoever runs this process.

    It is tried once (some hundredths of a second) and remembered until the machine restarts
    or something changes that it depends on.
    """
    if attempt.cache_info().currsize:
        return attempt()
    key = _key()
    remembered = _remembered(key)
    if remembered is not None:
        return remembered
    account = attempt()
    _remember(key, account)
    return account


@cache
def attempt() -> Account:
    """The account, tried by this process: reads and writes nothing that is remembered."""
    if os.getuid() == 0:
        refused = namespaces.refused_to_root()
        if refused:
            return Account(rung=Rung.C, why=refused.reason, hint=refused.hint)
        return Account(rung=Rung.A, why="root")
    many = namespaces.refused_many()
    if many is None:
        return Account(rung=Rung.A, why="user namespaces with a range of user ids")
    one = namespaces.refused_one()
    if one is None:
        return Account(rung=Rung.B, why=many.reason, hint=many.hint)
    return Account(rung=Rung.C, why=one.reason, hint=one.hint)


def _key() -> list[str]:
    """All that the finding depends on, as far as it can be seen cheaply."""
    files = ["/etc/subuid", "/etc/subgid", "/etc/nsswitch.conf", "/etc/passwd"]
    programs = (namespaces.program(name) for name in ("newuidmap", "newgidmap", "unshare"))
    return [
        Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        str(os.getuid()),
        Path("/proc/self/uid_map").read_text(),
        *(f"{name}={value}" for name, value in namespaces.settings().items()),
        *(tools.stamp(Path(file)) for file in files),
        *(tools.stamp(file) for file in programs if file),
    ]


def _memory() -> Path:
    return dirs.machine_path() / "account.json"


def _remembered(key: list[str]) -> Account | None:
    try:
        data = json.loads(_memory().read_bytes())
        if data["key"] != key:
            return None
        return Account(**{**data["account"], "rung": Rung(data["account"]["rung"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(key: list[str], account: Account) -> None:
    dirs.machine_dir()
    whole.write(_memory(), json.dumps({"key": key, "account": asdict(account)}))
