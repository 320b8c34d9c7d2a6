"""A registry that fails, in the way that a test asks for: a proxy before a real one."""

import contextlib
import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "transfer-encoding", "content-length", "host"}


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong, and with which requests: `METHOD PATH` in which `where` is found.

    `times` are how often, and -1 is always; a request that `armed_by` describes begins it. Kinds:
    "deny", "limit", "full", "fail", "close" (in the middle), "hang" (no answer), "drip" (a byte
    now and then), "lie" (other bytes). "limit" asks to be asked again at once,
    "limit without a time" at some time.
    """

    address: str
    kind: str = ""
    where: str = ""
    times: int = -1
    armed_by: str = ""
    seen: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def hits(self, method: str, path: str) -> bool:
        self.seen.append(f"{method} {path}")
        if self.armed_by:
            if re.search(self.armed_by, self.seen[-1]):
                self.armed_by = ""
            return False
        if not self.kind or not self.times or not re.search(self.where, f"{method} {path}"):
            return False
        self.times -= 1
        return True


_STATUS = {
    "deny": (403, b'{"errors":[{"code":"DENIED","message":"requested access is denied"}]}'),
    "limit": (429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'),
    "limit without a time": (429, b'{"errors":[{"code":"TOOMANYREQUESTS"}]}'),
    "full": (507, b""),
    "fail": (500, b'{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}'),
}


@contextlib.contextmanager
def before(registry: str) -> Iterator[Faults]:
    """A proxy before the registry at this address, which speaks plain http."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            hit = faults.kind if faults.hits(self.command, self.path) else ""
            if hit in _STATUS:
                self._body()
                again = {"Retry-After": "0"} if hit == "limit" else {}
                return self._answer(*_STATUS[hit], again)
            if hit == "close":
                self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)))
                return self._end()
            if hit == "hang":
                faults.over.wait(60)
                return self._end()
            there = http.client.HTTPConnection(registry, timeout=30)
            body = self._body()
            with contextlib.closing(there):
                there.putrequest(self.command, self.path, skip_host=True)
                # One by one: skopeo sends several of a name. The host is ours, so that the
                # registry sends people back here.
                for name, value in self.headers.items():
                    if name.lower() not in _HOP:
                        there.putheader(name, value)
                there.putheader("Host", faults.address)
                there.putheader("Content-Length", str(len(body)))
                there.endheaders(body)
                answer = there.getresponse()
                data = answer.read()
                headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
                length = answer.getheader("Content-Length")
            if hit == "lie":
                data = data.replace(b"a", b"b") or data
            if hit == "drip":
                return self._drip(answer.status, headers, data)
            self._answer(answer.status, data, headers, length)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def _answer(
            self,
            status: int,
            data: bytes,
            headers: dict[str, str] | None = None,
            length: str | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            head = self.command == "HEAD" and length
            self.send_header("Content-Length", str(length if head else len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _drip(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for byte in data:
                self.wfile.write(bytes([byte]))
                if faults.over.wait(0.2):
                    break
            self._end()

        def _end(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().handle()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    faults = Faults(address=f"localhost:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield faults
    finally:
        faults.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def dead() -> str:
    """The address of a registry that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"localhost:{free.getsockname()[1]}"


def took(since: float) -> float:
    """Seconds since then."""
    return time.monotonic() - since
