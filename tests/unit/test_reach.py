"""Whether there is a way to a host: what is said of it, and how soon; pdbuild's and the hooks'."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild import reach
from pdbuild.errors import EngineError

NETWORK = Path(__file__).parents[2] / "hooks" / "network"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def hook(address: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = f'set -euo pipefail; . {NETWORK}; reach "Debian packages" "$1"; echo reached'
    return subprocess.run(
        ["bash", "-c", script, "x", address],
        env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_host_that_answers_is_a_way(listening: int) -> None:
    address = f"http://127.0.0.1:{listening}/debian"
    reach.check("the base", address)
    assert hook(address).stdout == "reached\n"
    assert hook(address.replace("//", "//someone:x@")).stdout == "reached\n"


@pytest.mark.parametrize("address", ["file:/srv/debian", "/srv/x.git", "someone@host:x.git", ""])
def test_an_address_without_a_host_is_not_looked_at(address: str) -> None:
    reach.check("the base", address)
    assert hook(address).stdout == "reached\n"


def test_without_a_way_it_is_said_within_seconds_what_is_wanted(closed: int) -> None:
    for host in (f"127.0.0.1:{closed}", "nowhere.invalid"):
        name = host.partition(":")[0]
        began = time.monotonic()
        with pytest.raises(EngineError, match=f"the base is wanted from {name}") as raised:
            reach.check("the base", f"https://{host}/debian")
        assert "pdbuild fetch" in raised.value.hint and "--offline" in raised.value.hint
        done = hook(f"http://{host}/debian")
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr == f"error: Could not connect to {name} for Debian packages\n"
        assert time.monotonic() - began < 10


def test_a_host_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(*_: object) -> None:
        time.sleep(2)
        raise TimeoutError

    monkeypatch.setattr(reach, "_SECONDS", 0.1)
    monkeypatch.setattr(socket, "create_connection", waiting)
    began = time.monotonic()
    with pytest.raises(EngineError, match="there is no way to it"):
        reach.check("the base", "http://slow.invalid/debian")
    assert time.monotonic() - began < 1


def test_through_a_proxy_it_is_the_proxy_that_counts(
    listening: int, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://127.0.0.1:{listening}"
    monkeypatch.setenv("http_proxy", proxy)
    reach.check("the base", "http://nowhere.invalid/debian")
    assert hook("http://nowhere.invalid/debian").stdout == "reached\n"
    assert hook("http://nowhere.invalid/debian", no_proxy="nowhere.invalid").returncode == 1
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed}")
    with pytest.raises(EngineError, match=r"127\.0\.0\.1"):
        reach.check("the base", "http://nowhere.invalid/debian")
    assert hook("http://nowhere.invalid/debian").returncode == 1
