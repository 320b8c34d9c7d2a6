"""Homes on NFS as Linux serves it, 4.2 and 3, on the machine that they are served from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from .conftest import begin
from .machine import Machine
from .test_machine import ENGINES, bake, doctor, nothing_is_left

pytestmark = pytest.mark.long

_EXPORTED = "/srv/home *(rw,root_squash,no_subtree_check,fsid=1)"
_NUMBER = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An account whose home is mounted so, and its folder on this machine's own disk."""

    user: str
    path: str
    local: str


@pytest.fixture
def home(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Home]:
    """A new account's, with the mount options of the parameter."""
    user = f"net{next(_NUMBER)}"
    machine.succeeds("root", f"mkdir -p /srv/home && echo '{_EXPORTED}' >/etc/exports")
    machine.succeeds("root", f"/usr/sbin/exportfs -ra && mkdir -p /net/{user}")
    mounted = f"mount -t nfs -o {request.param} 127.0.0.1:/srv/home /net/{user}"
    machine.succeeds("root", mounted)
    # Root is nobody there: the home is made where it is served from.
    machine.account(user, subordinate=True, home=f"/srv/home/{user}")
    path = f"/net/{user}/{user}"
    machine.succeeds("root", f"/usr/sbin/usermod --home {path} {user}")
    begin(machine, user)
    uid = machine.succeeds(user, "id -u").strip()
    yield Home(user=user, path=path, local=f"/var/tmp/pdbuild-{uid}")
    nothing_is_left(machine, user)
    machine.succeeds("root", f"umount /net/{user}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("home", ["vers=4.2", "vers=3"], indirect=True)
def test_a_home_whose_locks_are_seen(machine: Machine, home: Home, engine: str) -> None:
    found = doctor(machine, home.user)
    assert f"{home.path}/.cache/pdbuild, nfs" in found["cache"]["text"]
    assert found["data"]["state"] == "ok" and home.path in found["data"]["text"]
    assert (found["builds"]["state"], home.local in found["builds"]["text"]) == ("warn", True)
    assert f"{home.local}/containers" in found["podman images"]["text"]
    wrong = {name for name, one in found.items() if one["state"] != "ok"}
    assert wrong == {"builds"}, [found[name] for name in wrong]
    assert "libc.so.6" in machine.succeeds(home.user, bake(engine))
    assert machine.succeeds(home.user, "pdbuild run busy:1.0 echo here") == "here\n"
    assert machine.succeeds(home.user, f"ls {home.local}").split().count(engine) == 1
    # Two logins at once, in one checkout.
    both = f"({bake(engine)} >/dev/null) & ({bake(engine)} >/dev/null); wait $!"
    line = both.replace("rm -rf build && ", "")
    machine.succeeds(home.user, line)
    said = json.loads(machine.succeeds(home.user, "cat ~/tiny/build/artifacts.json"))
    assert [row["path"] for row in said["artifacts"]] == ["build/rootfs.tar"]


@pytest.mark.parametrize("home", ["vers=3,nolock"], indirect=True)
def test_a_home_whose_locks_are_this_machines_alone(machine: Machine, home: Home) -> None:
    found = doctor(machine, home.user)
    for name in ("cache", "data"):
        assert found[name]["state"] == "warn" and home.local in found[name]["text"]
        assert "whose locks other machines do not see" in found[name]["text"]
    assert machine.succeeds(home.user, "pdbuild run busy:1.0 echo here") == "here\n"
    machine.succeeds(home.user, bake("buildkit"))
    assert "No such file" in machine.does(home.user, "ls ~/.cache/pdbuild").stderr
