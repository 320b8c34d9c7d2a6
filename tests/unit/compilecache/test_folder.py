"""The server that gives a folder to ccache."""

import base64
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.compilecache import folder
from pdbuild.compilecache.address import Address

KEY = "/2a/11at0v8kg3vl8fvhjm4f5pnuu7l173m"


class Client:
    """One connection, as a ccache has."""

    def __init__(self, address: Address) -> None:
        user = address.text.removeprefix("http://").partition("@")[0]
        self.headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        self.connection = http.client.HTTPConnection(address.host, address.port, timeout=10)

    def ask(self, method: str, path: str = KEY, body: bytes | None = None) -> tuple[int, bytes]:
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with folder.serving(tmp_path, read_only=False) as address:
        made = Client(address)
        yield made
        made.connection.close()


def test_an_object_is_put_and_had(client: Client, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    assert client.ask("GET") == (404, b"")
    assert client.ask("PUT", body=data) == (201, b"")
    assert (tmp_path / KEY[1:]).read_bytes() == data  # where ccache's own `file:` has it
    assert client.ask("HEAD") == (200, b"")
    assert client.ask("GET") == (200, data)
    assert client.ask("PUT", body=b"new") == (201, b"")
    assert client.ask("GET") == (200, b"new")
    assert client.ask("DELETE") == (204, b"")
    assert client.ask("DELETE") == (204, b"")
    assert client.ask("GET") == (404, b"")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "path",
    ["/", "/../x", "/2a/../../etc/passwd", "/2a", "/2a/%2e%2e", "/CACHEDIR.TAG", "/2a/A" * 9],
)
def test_nothing_but_objects_can_be_had(client: Client, tmp_path: Path, path: str) -> None:
    (tmp_path / "CACHEDIR.TAG").write_text("x")
    assert client.ask("GET", path) == (404, b"")
    assert client.ask("PUT", path, b"x") == (404, b"")
    assert [p.name for p in tmp_path.iterdir()] == ["CACHEDIR.TAG"]


def test_who_does_not_know_the_password_gets_nothing(client: Client, tmp_path: Path) -> None:
    client.ask("PUT", body=b"x")
    for given in ({}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer é"}):
        client.headers = given
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert client.ask(method, body=b"y" if method == "PUT" else None) == (401, b"")
    assert (tmp_path / KEY[1:]).read_bytes() == b"x"


def test_what_is_only_read_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "2a").mkdir()
    (tmp_path / KEY[1:]).write_bytes(b"x")
    with folder.serving(tmp_path, read_only=True) as address:
        assert address.read_only
        client = Client(address)
        assert client.ask("PUT", body=b"y") == (403, b"")
        assert client.ask("DELETE") == (403, b"")
        assert client.ask("GET") == (200, b"x")
        client.connection.close()


def test_a_half_sent_object_is_none(client: Client, tmp_path: Path) -> None:
    client.connection.putrequest("PUT", KEY)
    for name, value in (*client.headers.items(), ("Content-Length", "1000")):
        client.connection.putheader(name, value)
    client.connection.endheaders(b"x" * 10)
    assert client.connection.sock
    client.connection.sock.shutdown(1)
    client.connection.sock.recv(100)
    client.connection.close()
    assert client.ask("GET") == (404, b"")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_is_full_or_gone_is_no_end(client: Client, tmp_path: Path) -> None:
    (tmp_path / "2a").write_text("a file where a folder must be")
    assert client.ask("PUT", body=b"x") == (507, b"")
    assert client.ask("GET") == (404, b"")


def test_nobody_serves_when_the_block_is_left(tmp_path: Path) -> None:
    with folder.serving(tmp_path, read_only=False) as address:
        pass
    with pytest.raises(ConnectionRefusedError):
        Client(address).ask("GET")
